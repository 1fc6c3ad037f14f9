from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.readers.image_sets import find_sets
from auto_train.errors import DataError
from tests.annotations import voc_object, xml

KINDS = ("Main", "Segmentation", "Layout")


@pytest.mark.parametrize("place", ["ImageSets/Main", "imagesets/main", "ImageSets/Segmentation", "ImageSets"])
@pytest.mark.parametrize(("train", "valid"), [("Train", "Validation"), ("train2017", "VAL"), ("default", "val")])
def test_lists_are_read_in_any_case_and_folder(write, place: str, train: str, valid: str) -> None:
    write(f"{place}/{train}.txt", "\ufeffa", '"b c"', "JPEGImages/d.jpg", "", "e 1")
    folder = write(f"{place}/{valid}.txt", "v.1")

    found = find_sets(folder, KINDS)

    split = "" if train == "default" else "train"
    assert found.splits == {"a": split, "b c": split, "d": split, "e": split, "v.1": "valid"}
    assert (found.name, found.warnings) == (place, ())


def test_first_folder_with_lists_counts_and_lists_of_one_class_do_not(write) -> None:
    write("ImageSets/Segmentation/val.txt", "a")
    write("ImageSets/Main/car_train.txt", "a  1", "b -1")
    folder = write("ImageSets/Main/train.txt", "a", "b")

    assert find_sets(folder, KINDS).splits == {"a": "train", "b": "train"}
    assert find_sets(folder, KINDS[1:]).splits == {"a": "valid"}
    assert not find_sets(folder, KINDS).warnings


def test_lists_of_other_names_are_warned_of(make_files, write) -> None:
    for i in range(2):
        make_files(f"JPEGImages/{i}.png")
        write(f"Annotations/{i}.xml", xml(voc_object("a", 1, 1, 2, 2)))
    folder = write("ImageSets/Main/first_batch.txt", "0")

    samples = read_samples(folder, target="boxes")

    assert samples.table["split"].tolist() == ["", ""]
    assert "first_batch.txt" in samples.warnings[0]


def test_stem_in_two_splits_is_refused(write) -> None:
    write("ImageSets/Main/Train.txt", "a")
    folder = write("ImageSets/Main/TEST.txt", "a")

    with pytest.raises(DataError, match="'a' is in "):
        find_sets(folder, KINDS)


def test_masks_take_the_lists_too(make_files, write, save_mask) -> None:
    make_files("JPEGImages/0.png", "JPEGImages/1.png", "JPEGImages/2.png")
    for i in range(2):
        save_mask(f"SegmentationClass/{i}.png", [[0, 1]] * 3)
    write("ImageSets/Main/Train.txt", "0", "2")
    folder: Path = write("ImageSets/Main/Validation.txt", "1")

    samples = read_samples(folder, target="mask")
    assert samples.table["split"].tolist() == ["train", "valid"]
    assert "1 images are in ImageSets/Main, and no image with a mask: 2" in samples.warnings[0]

    write("ImageSets/Segmentation/train.txt", "2")
    with pytest.raises(DataError, match="2: in ImageSets/Segmentation"):
        read_samples(folder, target="mask")
