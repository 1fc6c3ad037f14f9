from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.errors import DataError


@pytest.fixture
def darknet(make_files, write):
    """Return a function that writes darknet's files, as CVAT exports them, and gives the folder."""

    def darknet(data: str, *, prefix: str = "data/", bom: str = "") -> Path:
        make_files(*(f"obj_train_data/{i}.png" for i in range(4)))
        for i in range(4):
            write(f"obj_train_data/{i}.txt", f"{i % 2} .5 .5 .5 .5")
        write("train.txt", *(f"{prefix}obj_train_data/{i}.png" for i in range(2)))
        write("test.txt", f"{prefix}obj_train_data/2.png")
        write("obj.names", f"{bom}cat", "dog")
        return write("obj.data", f"{bom}classes = 2", *data.split(";")) if data else write("obj.names", "cat", "dog")

    return darknet


@pytest.mark.parametrize("prefix", ["data/", "", "/content/darknet/data/", "C:\\\\me\\\\"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_obj_data_gives_names_and_splits(darknet, prefix: str, bom: str) -> None:
    data = "train = data/train.txt;valid= data/test.txt # held out;names = data/obj.names;backup = backup/"
    samples = read_samples(darknet(data, prefix=prefix, bom=bom), target="boxes")

    assert dict(zip(samples.table["path"], samples.table["split"], strict=True)) == {
        "obj_train_data/0.png": "train", "obj_train_data/1.png": "train", "obj_train_data/2.png": "valid"
    }  # fmt: skip
    assert samples.labels == ["cat", "dog"]
    assert "1 images beside the others are in no list" in samples.warnings[0]
    assert any("obj.data" in note for note in samples.notes)


def test_lists_without_obj_data_are_the_splits(darknet) -> None:
    samples = read_samples(darknet(""), target="boxes")

    assert sorted(samples.table["split"]) == ["test", "train", "train"]


def test_obj_data_whose_list_is_missing_or_names_missing_images_is_refused(darknet, write) -> None:
    with pytest.raises(DataError, match=r"obj.data:3: valid is 'data/none.txt'"):
        read_samples(darknet("train = train.txt;valid = data/none.txt;names = obj.names"), target="boxes")

    folder = darknet("train = train.txt;names = obj.names")
    write("train.txt", "obj_train_data/0.png", "obj_train_data/9.png")
    with pytest.raises(DataError, match=r"train.txt:2: no such image.*9.png"):
        read_samples(folder, target="boxes")


def test_several_files_of_splits_are_refused(darknet, write) -> None:
    write("a.data", "train = train.txt")
    write("b.data", "train = train.txt")
    (folder := darknet("")).joinpath("obj.data").unlink(missing_ok=True)

    with pytest.raises(DataError, match=r"a\.data, b\.data"):
        read_samples(folder, "yolo", target="boxes")
