"""The images the training bars read: real photographs as 640 x 480 JPEG files, real MNIST digits as 28 px PNG files."""

import gzip
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from _measure import TRIAL, mirror
from PIL import Image

from auto_train.cores import num_cores

# Each photograph in four positions: four times as many files of real content, none equal to another.
POSITIONS = (None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180)
SIZE, QUALITY = (640, 480), 90


def write_photos(folder: Path, *, positions: int = 4) -> Path:
    """Write the 600 of flowers_240 in some positions each, 640 x 480: of four, 2,200 in ``train``, 200 in ``valid``.

    The originals have 240 px; enlarged they hold less detail than a camera's, which makes decoding a little cheaper:
    an advantage for those who decode in every epoch.
    """
    with tarfile.open(mirror() / "flowers_240" / "flowers_240.tgz") as archive:
        archive.extractall(folder / "originals", filter="data")
    originals = sorted((folder / "originals").rglob("*.jpg"))[:: 4 if TRIAL else 1]

    def write(i: int) -> None:
        path = originals[i]
        split = "valid" if i % 12 == 0 else "train"
        target = folder / "photos" / split / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image = image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        for n, position in enumerate(POSITIONS[:positions]):
            view = image if position is None else image.transpose(position)
            view.save(target / f"{path.stem}_{n}.jpg", quality=QUALITY)

    with ThreadPoolExecutor(num_cores()) as pool:
        list(pool.map(write, range(len(originals))))
    return folder / "photos"


def write_digits(folder: Path, count: int = 20_000) -> Path:
    """Write the first ``count`` digits of MNIST's training file as PNG, 28 px, grey: the last 1,000 in ``valid``."""
    count = 1500 if TRIAL else count
    images = _idx("train-images-idx3-ubyte.gz", 16, count * 784).reshape(count, 28, 28)
    labels = _idx("train-labels-idx1-ubyte.gz", 8, count)
    for i, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        target = folder / "digits" / ("valid" if i >= count - 1000 else "train") / str(label)
        target.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(target / f"{i:05d}.png")
    return folder / "digits"


def _idx(name: str, header: int, count: int) -> np.ndarray:
    """Return the first bytes of an idx file behind its header."""
    with gzip.open(mirror() / "mnist" / name) as file:
        return np.frombuffer(file.read(header + count), np.uint8, offset=header)
