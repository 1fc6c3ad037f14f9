from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auto_train.data import assign_splits, read_samples
from auto_train.data.images import ArrayImages
from auto_train.data.samples import Samples
from auto_train.data.split import unit_hash
from auto_train.errors import DataError, UsageError


def samples_of(
    labels: list[str], *, groups: list[str] | None = None, splits: list[str] | None = None, first: int = 0
) -> Samples:
    """Return samples whose images differ by their number, counted from ``first``."""
    numbers = np.arange(first, first + len(labels), dtype=np.uint32)
    images = numbers.view(np.uint8).reshape(-1, 2, 2)
    table = pd.DataFrame(
        {
            "path": [str(number) for number in numbers],
            "split": splits or [""] * len(labels),
            "label": labels,
            "group": groups or [""] * len(labels),
            "sha256": "",
        },
        dtype=object,
    )
    return Samples(table=table, images=ArrayImages([("x", images)]), labels=sorted(set(labels)))


def split_of(samples: Samples) -> dict[str, str]:
    return dict(zip(samples.table["path"], samples.table["split"]))


def test_assign_splits_share_is_the_fraction_in_every_class() -> None:
    samples = assign_splits(samples_of(["a", "b"] * 5_000), 0.2)

    for label in "ab":
        share = (samples.table["split"][samples.table["label"] == label] == "valid").mean()
        assert share == pytest.approx(0.2, abs=0.02)  # 3.5 standard deviations of 5,000 draws
    assert samples.warnings == ()


def test_assign_splits_is_the_same_every_time_and_in_every_order() -> None:
    samples = samples_of(["a", "b"] * 50)

    assert split_of(assign_splits(samples)) == split_of(assign_splits(samples.take(list(range(99, -1, -1)))))


def test_assign_splits_known_content_has_a_known_split() -> None:
    # Written down once: another value here means that every frozen split of every user moves.
    assert unit_hash("") == pytest.approx(0xE3B0C442 / 2**32, abs=1e-9)  # how the sha256 of nothing begins
    chosen = assign_splits(samples_of(["a", "b"] * 10))
    valid = [path for path, split in split_of(chosen).items() if split == "valid"]
    assert valid == ["0", "7", "8", "12", "17", "19"]


def test_assign_splits_more_images_never_move_old_ones() -> None:
    before = split_of(assign_splits(samples_of(["a", "b", "c"] * 100), 0.2))
    after = split_of(assign_splits(samples_of(["a", "b", "c"] * 400), 0.2))

    assert {path: after[path] for path in before} == before


def test_assign_splits_larger_fraction_only_adds_to_valid() -> None:
    small, large = (split_of(assign_splits(samples_of(["a", "b"] * 200), share)) for share in (0.1, 0.3))

    assert all(large[path] == "valid" for path, split in small.items() if split == "valid")


def test_assign_splits_groups_stay_together() -> None:
    groups = [f"patient {number // 7}" for number in range(700)]

    table = assign_splits(samples_of(["a", "b"] * 350, groups=groups)).table

    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert 0.1 < (table["split"] == "valid").mean() < 0.3


def test_assign_splits_equal_images_stay_together(make_files) -> None:
    folder = make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(20)))
    for path in sorted(folder.rglob("*.png")):
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())

    table = assign_splits(read_samples(folder)).table

    assert (table.groupby("sha256")["split"].nunique() == 1).all()


def test_assign_splits_every_class_of_two_images_gets_one_in_each_split() -> None:
    samples = assign_splits(samples_of([f"{number // 2}" for number in range(200)]), 0.2)

    assert (samples.table.groupby("label")["split"].agg(set) == {"train", "valid"}).all()
    assert samples.warnings == ()


def test_assign_splits_class_with_one_image_is_trained() -> None:
    for first in range(20):  # whatever its hash
        samples = assign_splits(samples_of(["rare"] + ["a", "b"] * 20, first=first), 0.5)

        assert samples.table["split"][0] == "train"


def test_assign_splits_class_in_one_group_is_trained() -> None:
    samples = assign_splits(samples_of(["one"] * 5 + ["a", "b"] * 20, groups=["g"] * 5 + [""] * 40), 0.5)

    assert set(samples.table["split"][:5]) == {"train"}


def test_assign_splits_given_by_the_data_win() -> None:
    given = ["train", "valid", "test", "train", "valid", ""]

    assert assign_splits(samples_of(["a", "b"] * 3, splits=given)).table["split"].tolist() == [*given[:5], "train"]


def test_assign_splits_train_and_test_given_valid_comes_from_train() -> None:
    given = ["train"] * 300 + ["test"] * 100

    table = assign_splits(samples_of(["a", "b"] * 200, splits=given)).table

    assert Counter(table["split"][300:]) == {"test": 100}
    assert 0.1 < (table["split"][:300] == "valid").mean() < 0.3


def test_assign_splits_frozen_rows_stay_and_new_ones_are_drawn() -> None:
    first = samples_of(["a", "b"] * 3)
    frozen = {path: "valid" if path in "01" else "train" for path in first.table["path"]}

    after = split_of(assign_splits(samples_of(["a", "b"] * 300), frozen=frozen))

    assert {path: after[path] for path in frozen} == frozen
    assert Counter(after.values())["valid"] > 60


def test_assign_splits_fraction_zero_holds_nothing_out() -> None:
    assert set(assign_splits(samples_of(["a", "b"] * 10), 0).table["split"]) == {"train"}


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_assign_splits_fraction_out_of_range_names_the_key(fraction: float) -> None:
    with pytest.raises(UsageError, match=rf"\[project.data\] valid_fraction: '{fraction}' is out of range"):
        assign_splits(samples_of(["a", "b"]), fraction)


def test_assign_splits_without_any_train_image_is_refused() -> None:
    with pytest.raises(DataError, match="no image is in the train split"):
        assign_splits(samples_of(["a", "b"], splits=["valid", "test"]))


def test_assign_splits_of_files_that_are_gone_names_them(make_files) -> None:
    folder: Path = make_files("a/1.png", "b/1.png")
    samples = read_samples(folder)
    (folder / "a/1.png").unlink()

    with pytest.raises(DataError, match=r"a/1.png: No such file"):
        assign_splits(samples)
