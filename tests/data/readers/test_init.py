"""What every reader has to do; runs over all of them."""

import gzip
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.readers import NAMES, Options, detect, get_reader
from auto_train.errors import DataError, UsageError
from tests.annotations import voc_object, xml


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape) + values.tobytes()


@pytest.fixture(params=NAMES["label"])
def example(request, tmp_path: Path, make_files) -> tuple[str, Path]:
    """Return a format and a folder with six images in two classes in it."""
    folder = tmp_path / "data"
    if request.param == "folders":
        make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(3)))
    elif request.param == "csv":
        make_files(*(f"{i}.png" for i in range(6)))
        (folder / "labels.csv").write_text("path,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(6)))
    elif request.param == "label_studio":
        make_files(*(f"{i}.png" for i in range(6)))
        tasks = [
            {"data": {"image": f"{i}.png"}, "annotations": [{"result": [{"value": {"choices": ["ab"[i % 2]]}}]}]}
            for i in range(6)
        ]
        (folder / "project.json").write_text(json.dumps(tasks))
    elif request.param == "idx":
        folder.mkdir()
        images = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)
        (folder / "train-images-idx3-ubyte").write_bytes(idx(images))
        (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(6, dtype=np.uint8) % 2)))
    return request.param, folder


def test_reader_has_the_two_functions_of_the_protocol(example) -> None:
    reader = get_reader(example[0])

    for name in ("detect", "read"):
        assert list(inspect.signature(getattr(reader, name)).parameters) == ["folder", "options"]
        assert getattr(reader, name).__doc__


def test_reader_is_detected_by_its_data(example) -> None:
    name, folder = example
    if name == "digits":
        pytest.skip("asked for by name only")

    assert detect(folder, Options()) == name


def test_reader_gives_the_table_and_its_images(example) -> None:
    name, folder = example

    samples = read_samples("builtin:digits" if name == "digits" else folder, name)

    table = samples.table
    assert list(table.columns) == ["path", "split", "label", "group", "sha256"]
    assert all(isinstance(cell, str) for cell in table.head(6).to_numpy().ravel())
    assert table["path"].is_unique and set(table["split"]) <= {"", "train", "valid", "test"}
    assert len(samples) == len(samples.images) == (1797 if name == "digits" else 6)
    assert samples.labels == sorted(set(table["label"]))
    for row in (0, len(samples) - 1):
        image = samples.images[row]
        assert image.dtype == np.uint8 and image.shape[2] == 3
        assert samples.images.size(row) == (image.shape[1], image.shape[0])
        assert samples.images.name(row)
        assert len(samples.images.sha256(row)) == 64
    swapped = samples.take([1, 0])
    assert swapped.images.name(0) == samples.images.name(1)
    assert swapped.table["path"].tolist() == table["path"].tolist()[1::-1]


def test_get_reader_unknown_format_suggests_the_known() -> None:
    with pytest.raises(UsageError, match=r"unknown format 'folder'.*did you mean 'folders'"):
        get_reader("folder")


def test_detect_nothing_known_says_what_the_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "sub").mkdir()

    with pytest.raises(DataError, match=r"no known data format; the folder holds: a.txt, sub/") as caught:
        detect(tmp_path, Options())

    assert "[project.data] format" in caught.value.hint


def test_detect_no_folder_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder") as caught:
        detect(tmp_path / "none", Options())

    assert "[training] dir" in caught.value.hint


def test_detect_named_table_or_train_folder_decides(tmp_path: Path) -> None:
    assert detect(tmp_path, Options(labels_file=Path("x.csv"))) == "csv"
    assert detect(tmp_path / "none", Options(train_dir=tmp_path)) == "folders"


def test_get_reader_format_without_the_target_says_which_have_it() -> None:
    with pytest.raises(UsageError, match=r"format 'folders' has no boxes .*voc"):
        get_reader("folders", "boxes")
    with pytest.raises(UsageError, match=r"unknown target 'box'.*did you mean 'boxes'"):
        get_reader("voc", "box")


@pytest.mark.parametrize(("target", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_reader_of_every_target_has_the_two_functions(target: str, name: str, tmp_path: Path) -> None:
    reader = get_reader(name, target)

    for function in ("detect", "read"):
        assert list(inspect.signature(getattr(reader, function)).parameters) == ["folder", "options"]
        assert getattr(reader, function).__doc__
    assert not reader.detect(tmp_path, Options(target=target))
    if name != "digits":
        with pytest.raises(DataError) as caught:
            reader.read(tmp_path, Options(target=target))
        assert str(tmp_path) in caught.value.where


KINDS_OF_TABLES = [("label", "cat", "dog"), ("labels", "cat|sky", "sky"), ("values", "1.5", "2")]


@pytest.mark.parametrize(("target", "first", "second"), KINDS_OF_TABLES)
def test_table_of_any_kind_tells_images_that_are_missing_or_there_twice(
    make_files, write, target: str, first: str, second: str
) -> None:
    make_files("1.png", "2.png", "3.png")
    column = "age" if target == "values" else target
    rows = [
        f"1.png,{first}",
        f"2.png,{second}",
        f"none.png,{first}",
        f",{first}",
        f"1.png,{second}",
        f"{'x' * 300},{first}",
    ]
    folder = write("labels.csv", f"path,{column}", *rows, f"3.png,{first}")

    with pytest.raises(DataError) as caught:
        read_samples(folder, target=target)

    assert caught.value.where == str(folder / "labels.csv")
    problems = caught.value.message.splitlines()[1:]
    assert problems[:2] == [
        "  - labels.csv:4: no such image (none.png)",
        "  - labels.csv:5: no image is named (data)",
    ]
    assert problems[-1].startswith("  - labels.csv:7: no such image (xxx")
    # Several labels of an image are one after the other in a long table; one class or number it has only once.
    assert [text.startswith("  - labels.csv:6: several values") for text in problems[2:-1]] == [True] * (
        target != "labels"
    )
    assert "images_dir" in caught.value.hint and "remove" not in caught.value.hint


def test_table_beside_those_of_the_splits_is_not_taken_for_them(make_files, write) -> None:
    make_files("1.png", "2.png")
    for name in ("train", "valid"):
        write(f"{name}.csv", "path,label", "1.png,a", "2.png,b")
    folder = write("sample_submission.csv", "path,label", "1.png,a", "2.png,a")

    with pytest.raises(DataError, match=r"several tables of labels: sample_submission.csv, train.csv, valid.csv"):
        read_samples(folder)


def test_table_that_cannot_be_read_is_named_where_no_format_is_found(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("images/1.png,cat\nimages/2.png,dog\n")

    with pytest.raises(DataError, match="no known data format") as caught:
        read_samples(tmp_path)

    assert f"{tmp_path}/labels.csv:1: has no header" in caught.value.hint and "path,label" in caught.value.hint


@pytest.mark.parametrize(
    ("train", "valid", "message"),
    [
        ("voc", "yolo", "valid is annotated as yolo, the rest as voc"),
        ("coco", "voc", "valid is annotated as voc, the rest as coco"),
        ("coco", "yolo", "valid is annotated as yolo, the rest as coco"),
        ("voc", "coco", "train is annotated as voc, the rest as coco"),
        ("voc", "", ""),
    ],
)
def test_splits_of_different_formats_are_refused_and_bare_ones_told(
    make_files, write, train: str, valid: str, message: str
) -> None:
    image = {"id": 1, "file_name": "1.png", "width": 20, "height": 16}
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
    coco = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "a"}]}
    for split, name in (("train", train), ("valid", valid)):
        make_files(f"{split}/{'images/' if name == 'yolo' else ''}1.png")
        if name == "voc":
            write(f"{split}/1.xml", xml(voc_object("a", 1, 1, 9, 9)))
        elif name == "yolo":
            write(f"{split}/labels/1.txt", "0 .5 .5 .2 .2")
        elif name == "coco":
            write(f"{split}/instances.json", json.dumps(coco))
    folder = write("classes.txt", "a")

    if message:
        with pytest.raises(DataError, match=message) as caught:
            read_samples(folder, target="boxes")
        assert "data convert" in caught.value.hint
    else:
        warnings = read_samples(folder, target="boxes").warnings
        assert warnings == (f"{folder}/valid: the annotations name no image in it, and none is used",)
