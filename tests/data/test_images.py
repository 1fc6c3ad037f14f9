import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from auto_train.data.images import ArrayImages, FileImages
from auto_train.errors import ImageError


@pytest.fixture
def files(make_files) -> FileImages:
    folder = make_files("a.png", "b.png")
    return FileImages([folder / "a.png", folder / "b.png"])


@pytest.fixture
def arrays() -> ArrayImages:
    grey = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    colour = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3)
    return ArrayImages([("grey", grey), ("colour", colour)])


def test_file_images_decode_on_access(files: FileImages) -> None:
    assert len(files) == 2
    assert files[0].shape == (16, 20, 3) and not (files[0] == files[1]).all()
    assert files.size(0) == (20, 16)
    assert files.name(1).endswith("/data/b.png")
    assert files.sha256(1) == hashlib.sha256(Path(files.name(1)).read_bytes()).hexdigest()


def test_file_images_missing_file_is_an_image_error(files: FileImages) -> None:
    Path(files.name(0)).unlink()

    with pytest.raises(ImageError, match=r"a.png: cannot be read"):
        files[0]


def test_array_images_of_several_files_follow_each_other(arrays: ArrayImages) -> None:
    assert len(arrays) == 3
    assert [arrays[row].shape for row in range(3)] == [(3, 4, 3), (3, 4, 3), (2, 3, 3)]
    assert [arrays.size(row) for row in range(3)] == [(4, 3), (4, 3), (3, 2)]
    assert [arrays.name(row) for row in range(3)] == ["grey#0", "grey#1", "colour#0"]
    assert arrays[1][:, :, 2].tolist() == [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]]
    assert arrays.sha256(1) == hashlib.sha256(bytes(range(12, 24))).hexdigest()


def test_images_give_the_sums_of_many_rows_at_once(files: FileImages, arrays: ArrayImages) -> None:
    for images in (files, arrays):
        assert images.sha256s([1, 0, 1]) == [images.sha256(row) for row in (1, 0, 1)]
    Path(files.name(0)).unlink()
    assert isinstance(files.sha256s([0])[0], FileNotFoundError)


def test_images_take_keeps_the_order_asked_for(files: FileImages, arrays: ArrayImages) -> None:
    assert [files.take([1, 0, 1]).name(row)[-5:] for row in range(3)] == ["b.png", "a.png", "b.png"]
    taken = arrays.take([2, 0]).take([1])
    assert len(taken) == 1 and taken.name(0) == "grey#0"


def test_images_reduced_have_fewer_pixels_where_files_allow_it(make_image, encode, tmp_path: Path, arrays) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(make_image(0, (800, 600)), "JPEG"))
    whole = FileImages([tmp_path / "a.jpg"])

    small = whole.reduce(100).take([0])

    assert 100 <= small[0].shape[0] < whole[0].shape[0] == 600
    assert small.size(0) == (800, 600) and small.sha256(0) == whole.sha256(0)
    assert arrays.reduce(100) is arrays


def test_images_travel_to_other_processes(files: FileImages, arrays: ArrayImages) -> None:
    assert (pickle.loads(pickle.dumps(files))[1] == files[1]).all()
    assert (pickle.loads(pickle.dumps(arrays))[2] == arrays[2]).all()
