"""T12: building the pixel store, against the plain way to the same array: Pillow decodes and resizes, on all cores.

Both start from 640 x 480 JPEG files in the file cache and take turns in one process. The plain way writes into an array
in memory and knows no hashes, no file, no exact pixels. The store of a validation split is decoded in full and resized
as InferenceModel does it; that of a training split is decoded at a fraction of its size where that leaves enough.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from _data import write_photos
from _measure import TRIAL, finish, verdict
from PIL import Image

from auto_train.cores import num_cores
from auto_train.data.images import FileImages
from auto_train.data.pixels.store import PixelStore, open_pixels

BAR, PAIRS = 0.9, 3 if TRIAL else 15


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["AUTO_TRAIN_CACHE"] = f"{name}/cache"
        files = sorted(write_photos(Path(name), positions=1).rglob("*.jpg"))
        finish(*(measure(files, split, side) for side in (64, 224) for split in ("train", "valid")))


def measure(files: list[Path], split: str, side: int) -> bool:
    images = FileImages(files) if split == "valid" else FileImages(files).reduce(side)
    hashes = [images.sha256(row) for row in range(len(images))]
    seconds(lambda: plain(files, side)), seconds(lambda: build(images, hashes, side))
    pairs = [(seconds(lambda: build(images, hashes, side)), seconds(lambda: plain(files, side))) for _ in range(PAIRS)]
    low, middle, high = statistics.quantiles([base / ours for ours, base in pairs], n=4)
    speed = len(files) / statistics.median(ours for ours, _ in pairs)
    detail = f"quartiles {low:.2f} to {high:.2f}, {speed:,.0f} images/s"
    return verdict(f"T12 store / plain, {split} {side} px", middle, BAR, detail=detail)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def build(images: FileImages, hashes: list[str], side: int) -> None:
    folder = Path(os.environ["AUTO_TRAIN_CACHE"]) / "stores"
    store = open_pixels(images, side, hashes=hashes, cache=folder)
    assert isinstance(store, PixelStore) and len(store) == len(images)
    shutil.rmtree(folder)


def plain(files: list[Path], side: int) -> None:
    pixels = np.empty((len(files), side, side, 3), np.uint8)

    def fill(i: int) -> None:
        with Image.open(files[i]) as image:
            pixels[i] = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)

    with ThreadPoolExecutor(num_cores()) as pool:
        list(pool.map(fill, range(len(files))))


if __name__ == "__main__":
    main()
