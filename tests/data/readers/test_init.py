"""What every reader has to do; runs over all of them."""

import gzip
import inspect
from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.readers import NAMES, Options, detect, get_reader
from auto_train.errors import DataError, UsageError


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
