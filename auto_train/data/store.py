"""Pixel store: images decoded and resized once, read as uint8 from a memory-mapped file ever after.

A store is one array for one split, named by the content of its images and the transform, so that a changed file makes
a new store and runs share an old one. Where it does not fit, PixelStream decodes at every access instead.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from filelock import FileLock

from auto_train.data.images import Images
from auto_train.data.resize import resize_images
from auto_train.errors import TrainingError

Preprocess = Callable[[torch.Tensor], torch.Tensor]
Progress = Callable[[int, int], None]

# Part of a store's name: raise it when the pixels this module makes change.
FORMAT = 2


class Pixels(Protocol):
    """What a loader reads: images of one size by position."""

    side: int

    def __len__(self) -> int: ...

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return (N, side, side, 3) uint8 RGB, a copy the caller may change."""
        ...


class PixelStore:
    """Images in a memory-mapped (N, side, side, 3) uint8 array on disk."""

    def __init__(self, path: Path):
        self.path = path
        self.array = np.load(path, mmap_mode="r")
        self.side = int(self.array.shape[1])

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        return self.array[np.asarray(positions)]


class PixelStream:
    """Images decoded and resized at every access: the path for data larger than the store may be."""

    def __init__(self, images: Images, side: int, *, preprocess: Preprocess | None = None):
        self.images, self.side, self.preprocess = images, side, preprocess
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="pixels")

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        rows = self.pool.map(lambda i: _resized(self.images[int(i)], self.side, self.preprocess), positions)
        return np.stack(list(rows))


def open_pixels(
    images: Images,
    side: int,
    *,
    hashes: Sequence[str],
    cache: Path,
    limit_mb: int | None = None,
    preprocess: Preprocess | None = None,
    made_by: str = "",
    progress: Progress | None = None,
) -> Pixels:
    """Open the store of these images, building it first where it is missing and fits.

    Args:
        images: what to store, in the order positions will refer to.
        side: height and width of the stored images, pixels.
        hashes: sha256 of each image.
        cache: folder of the stores.
        limit_mb: largest store; None allows half of the free disk.
        preprocess: applied to (1, H, W, 3) uint8 before the resize.
        made_by: names how the images are decoded and preprocessed; part of the store's key.
        progress: called with (images done, images in all) while building.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{_key(hashes, side, made_by)}.npy"
    # Two runs that want the same store: one builds, the other waits and opens it.
    with FileLock(f"{path}.lock"):
        if path.exists():
            return PixelStore(path)
        size = len(images) * side * side * 3
        limit = shutil.disk_usage(cache).free / 2 if limit_mb is None else limit_mb * 1e6
        if size > limit:
            return PixelStream(images, side, preprocess=preprocess)
        _build(path, images, side, preprocess, progress)
    return PixelStore(path)


def _key(hashes: Sequence[str], side: int, made_by: str) -> str:
    digest = hashlib.sha256(f"{FORMAT}|{side}|{made_by}|{len(hashes)}".encode())
    for sha256 in hashes:
        digest.update(sha256.encode())
    return digest.hexdigest()[:32]


def _build(path: Path, images: Images, side: int, preprocess: Preprocess | None, progress: Progress | None) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(images), side, side, 3))
        # Take the space now: on a full disk a mapped page would end the process without a word.
        with part.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, part.stat().st_size)

        def fill(i: int) -> None:
            array[i] = _resized(images[i], side, preprocess)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for done, _ in enumerate(pool.map(fill, range(len(images))), start=1):
                if progress and (done % 256 == 0 or done == len(images)):
                    progress(done, len(images))
        array.flush()
        os.replace(part, path)
    except OSError as error:
        raise TrainingError(
            f"cannot write the pixel store: {error}",
            where=str(path.parent.absolute()),
            hint="free some space there, name another folder in AUTO_TRAIN_CACHE, or set [training.data] cache_mb = 0",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _resized(image: np.ndarray, side: int, preprocess: Preprocess | None) -> np.ndarray:
    """Return one image as (side, side, 3) uint8, by exactly InferenceModel's steps."""
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"]))[None]
    pixels = preprocess(pixels) if preprocess else pixels
    if pixels.shape[1:3] != (side, side):
        pixels = resize_images(pixels, side).to(torch.uint8).permute(0, 2, 3, 1)
    return pixels[0].numpy()
