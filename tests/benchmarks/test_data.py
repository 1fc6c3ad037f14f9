import gzip
from pathlib import Path

import numpy as np
import pytest
from _data import write_digits, write_photos
from PIL import Image


@pytest.fixture
def named_mirror(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(mirror))
    return mirror


def test_digits_written_are_the_pixels_of_mnist(named_mirror: Path, tmp_path: Path):
    folder = write_digits(tmp_path, count=1100)
    train, valid = (sorted((folder / split).rglob("*.png")) for split in ("train", "valid"))
    assert (len(train), len(valid)) == (100, 1000)
    with gzip.open(named_mirror / "mnist/train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + 784 * 1100), np.uint8, offset=16).reshape(-1, 28, 28)
    assert all((np.asarray(Image.open(path)) == pixels[int(path.stem)]).all() for path in train)
    # The first digits of MNIST are known to everyone: 5 0 4 1 9.
    assert [int(next(folder.rglob(f"{i:05d}.png")).parent.name) for i in range(5)] == [5, 0, 4, 1, 9]


@pytest.mark.slow
def test_photos_written_are_600_and_none_twice(named_mirror: Path, tmp_path: Path):
    folder = write_photos(tmp_path, positions=2)
    paths = list(folder.rglob("*.jpg"))
    assert len(paths) == 1200
    assert len({path.read_bytes() for path in paths}) == 1200
    assert {size_of(path) for path in paths} == {(640, 480)}
    assert {path.parent.name for path in paths} == {"daisy", "dandelion", "roses", "sunflowers", "tulips"}
    # All positions of a photograph are in one split: none of them tells the answer to another.
    splits = {(path.stem[:-2], path.parent.parent.name) for path in paths}
    assert len(splits) == 600


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size
