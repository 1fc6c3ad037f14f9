"""data.yaml says where the splits are: followed, or refused by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.samples import Samples
from auto_train.errors import DataError

Write = Callable[..., Path]


def read(folder: Path, **options: object) -> Samples:
    return read_samples(folder, target="boxes", **options)


def splits(samples: Samples) -> dict[str, str]:
    return dict(samples.table[["path", "split"]].to_numpy().tolist())


@pytest.fixture
def two_places(make_files, write) -> Callable[..., Path]:
    """Return a function that writes two folders of one labelled image each, and a data.yaml, and gives the folder."""

    def write_both(*lines: str, images: tuple[str, str] = ("train/images", "val/images")) -> Path:
        for number, place in enumerate(images, 1):
            make_files(f"{place}/{number}.png")
            write(f"{place.replace('images', 'labels')}/{number}.txt", "0 0.5 0.5 1 1")
        return write("data.yaml", "names: [cat]", *lines)

    return write_both


@pytest.mark.parametrize(
    "lines",
    [
        ["train: val/images", "val: train/images"],
        ["path: .", "train: val/images/", "valid: [train/images]"],
        ["train: ./val", "validation: ./train", "test:"],
        ["path: ../data", "train: val/images", "val: train/images"],
        ["path: /not/on/this/machine", "train: val/images", "val: train/images"],
        ["train: ../val/images", "val: ../train/images"],
    ],
)
def test_yolo_splits_are_those_of_data_yaml_not_of_the_folders(two_places, lines: list[str]) -> None:
    folder = two_places(*lines)

    samples = read(folder)

    assert splits(samples) == {"val/images/2.png": "train", "train/images/1.png": "valid"}
    assert f"splits are those of {folder}/data.yaml" in samples.notes and samples.warnings == ()
    assert samples.targets and [samples.targets.text(row)[:5] for row in (0, 1)] == ["cat 1"] * 2


def test_yolo_folders_of_any_name_below_images_have_labels_in_their_place(two_places) -> None:
    folder = two_places("train: images/a", "val: images/b", images=("images/a", "images/b"))

    assert splits(read(folder)) == {"images/a/1.png": "train", "images/b/2.png": "valid"}


def test_yolo_lists_name_images_relative_to_themselves_or_to_the_data(two_places, write, tmp_path: Path) -> None:
    folder = two_places("train: lists/train.txt", "val: lists/val.txt", images=("images", "images"))
    write("lists/train.txt", "../images/1.png", "")
    write("lists/val.txt", str(folder / "images/2.png"), "./images/2.png")

    samples = read(folder)

    assert splits(samples) == {"images/1.png": "train", "images/2.png": "valid"}
    assert len(samples) == 2 and samples.warnings == ()


def test_yolo_list_with_images_that_are_not_there_names_its_lines(two_places, write) -> None:
    folder = two_places("train: train.txt", images=("images", "images"))
    write("train.txt", "images/1.png", "", "images/none.png", "x" * 300)

    with pytest.raises(DataError, match=r"train.txt: 2 images are not there:\n.*train.txt:3: .*\(images/none.png\)"):
        read(folder)


def test_yolo_data_in_another_folder_is_found(two_places, write, tmp_path: Path) -> None:
    data = two_places()
    config = tmp_path / "config"
    config.mkdir()
    (config / "data.yaml").write_text(f"path: {data}\nnames: [cat]\ntrain: train/images\nval: val/images\n")

    assert splits(read(config)) == {f"{data}/train/images/1.png": "train", f"{data}/val/images/2.png": "valid"}


def test_yolo_folders_that_the_ini_names_count_more_than_data_yaml(two_places) -> None:
    folder = two_places("train: val/images", "val: train/images")

    samples = read(folder, train_dir=folder / "train", validation_dir=folder / "val", format="yolo")

    assert splits(samples) == {"train/images/1.png": "train", "val/images/2.png": "valid"}


def test_yolo_places_of_another_machine_leave_the_folders_with_a_warning(two_places) -> None:
    folder = two_places("train: /content/train/images", "val: /content/val/images")

    samples = read(folder)

    assert splits(samples) == {"train/images/1.png": "train", "val/images/2.png": "valid"}
    assert samples.warnings == (
        f"{folder}/data.yaml:2: train is '/content/train/images', and there is no /content/train/images; "
        "the splits are those of the folders",
        f"{folder}/data.yaml:3: valid is '/content/val/images', and there is no /content/val/images; "
        "the splits are those of the folders",
    )


def test_yolo_place_that_is_not_there_beside_one_that_is_is_refused(two_places) -> None:
    folder = two_places("train: train/images", "val: valid/images")

    with pytest.raises(
        DataError, match=r"data.yaml:3: valid is 'valid/images', and there is no .*data/valid"
    ) as caught:
        read(folder)

    assert "remove the line" in caught.value.hint


def test_yolo_test_split_that_is_not_there_is_warned_about(two_places) -> None:
    folder = two_places("train: train/images", "val: val/images", "test: test/images")

    samples = read(folder)

    assert len(samples) == 2
    assert samples.warnings == (f"{folder}/data.yaml:4: test is 'test/images', and there is no {folder}/test/images",)


def test_yolo_split_that_data_yaml_leaves_out_is_warned_about(two_places, make_files) -> None:
    folder = two_places("train: train/images")

    samples = read(folder)

    assert splits(samples) == {"train/images/1.png": "train"}
    assert samples.warnings == (f"{folder}/val: the annotations name no image in it, and none is used",)


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        (["train: train/images", "val: train/images"], "3: 1 images are in train and in valid", "is drawn then"),
        (["val: train/images", "train: train/images"], "2: 1 images are in train and in valid", "is drawn then"),
        (["train: train", "val: val", "test: val"], "4: 1 images are in valid and in test", "remove the line"),
    ],
)
def test_yolo_one_place_for_two_splits_is_refused(two_places, lines: list[str], message: str, hint: str) -> None:
    folder = two_places(*lines)

    with pytest.raises(DataError, match=rf"data.yaml:{message}, .*.png for one") as caught:
        read(folder)

    assert hint in caught.value.hint


def test_yolo_folder_that_the_ini_names_has_its_splits_drawn_and_its_labels_in_their_place(two_places) -> None:
    folder = two_places("train: images/a", "val: images/a", images=("images/a", "images/b"))

    samples = read(folder, images_dir=folder / "images/a", format="yolo")

    assert splits(samples) == {"images/a/1.png": ""} and samples.targets


def test_yolo_several_folders_for_a_split_are_those_of_data_yaml(two_places, make_files) -> None:
    folder = two_places("train: [train_1/images, train_2/images]", images=("train_1/images", "train_2/images"))

    assert set(splits(read(folder, format="yolo")).values()) == {"train"}


@pytest.mark.parametrize("names", ["{0: cat, 1: dog}", "{'0': cat, '1': dog}", "{1: dog, 0: cat}", "[cat, dog]"])
def test_yolo_names_are_a_list_or_by_number(two_places, write, names: str) -> None:
    folder = two_places()
    write("data.yaml", f"names: {names}")

    assert read(folder).labels == ["cat", "dog"]


@pytest.mark.parametrize("line", ["train: 3", "train: [1]", "train: {a: b}"])
def test_yolo_place_that_is_no_text_names_its_line(two_places, line: str) -> None:
    folder = two_places(line)

    with pytest.raises(DataError, match=r"data.yaml:2: train is .*allowed: folders of images"):
        read(folder)
