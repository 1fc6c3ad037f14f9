from collections.abc import Callable
from pathlib import Path

import numpy as np

from auto_train.data.targets import LabelSets, Values
from tests.data.doctor.annotated import examination_of, messages, samples_of

WritePhotos = Callable[..., Path]


def values(*columns: list[float]) -> Values:
    names = tuple("abc"[: len(columns)])
    return Values(names=names, units=("",) * len(names), array=np.array(columns, np.float64).T)


def test_column_of_one_value_is_an_error(write_photos: WritePhotos) -> None:
    folder = write_photos({f"{row}.png": row for row in range(4)})
    found = examination_of(samples_of(folder, values([1, 2, 3, 4], [5, 5, 5, 6]), ("a", "b")))
    assert messages(found, "value_constant") == ["b is 5 in all 3 training images"]
    assert not messages(found, "value_outlier") and not messages(found, "class_missing_in_split")
    assert (found.classes, found.seen["columns"]) == ({}, {"a": [1, 2.5, 4], "b": [5, 5, 6]})


def test_number_far_away_from_the_others_is_named(write_photos: WritePhotos) -> None:
    folder = write_photos({f"{row}.png": row for row in range(6)})
    found = examination_of(samples_of(folder, values([10, 12, 11, 13, 1200, 12]), ("a",)))
    assert messages(found, "value_outlier") == ["a = 1200, the median is 12"] and not found.errors


def test_numbers_that_are_mostly_equal_have_no_outliers(write_photos: WritePhotos) -> None:
    folder = write_photos({f"{row}.png": row for row in range(6)})
    assert not messages(examination_of(samples_of(folder, values([0, 0, 0, 0, 3, 9]), ("a",))), "value_outlier")


def test_label_on_every_image_and_image_without_a_label_are_told(write_photos: WritePhotos) -> None:
    folder = write_photos({f"{row}.png": row for row in range(4)})
    sets = LabelSets(sets=[("cat", "sky"), ("sky",), ("dog", "sky"), ()])
    found = examination_of(samples_of(folder, sets, ("cat", "dog", "sky", "tree")))
    assert messages(found, "label_always") == ["all 3 training images have 'sky'"]
    assert messages(found, "image_without_labels") == [""]
    missing = [item.label for one in found.findings if one.code == "class_missing_in_split" for item in one.items]
    assert "tree" in missing
