"""Pixel store: images decoded and resized once, read as uint8 from a memory-mapped file ever after.

A store is one array for one split, named by its transform and the content of its images, so that a changed file makes
a new store and runs share an old one. How one is written is in build.py, which are kept in room.py.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auto_train.data.images import Images
from auto_train.data.pixels.build import HASH, compute_size, write_store
from auto_train.data.pixels.disk_space import InWorkError, NoRoomError, create_store, megabytes, wait_for_builder
from auto_train.data.pixels.stream import PixelStream
from auto_train.data.pixels.transform import Pixels, PixelTransform, Preprocess
from auto_train.locks import lock_file
from auto_train.types import Listener, Progress


class PixelStore:
    """Images in a memory-mapped (N, side, side, channels) uint8 array on disk.

    Args:
        path: of a .npy file, with the hash of each image behind the array.

    Raises:
        FileNotFoundError: there is none.
    """

    def __init__(self, path: Path):
        self.path = path
        with path.open("rb") as file:
            # Tells others that it is in use. The mapping keeps the lock as long as it lives.
            lock_file(file, shared=True)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            mapped = np.memmap(file, dtype, "r", file.tell(), shape)
        self._end = mapped.offset + mapped.nbytes
        self.array = np.asarray(mapped)
        self.side = int(self.array.shape[1])

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        return self.array[np.asarray(positions)]

    def batches(self, positions: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        return map(self.batch, positions)

    def hashes(self) -> np.ndarray:
        """Return what names the content of each image, (N,) bytes."""
        return np.fromfile(self.path, HASH, offset=self._end)


def open_pixels(
    images: Images,
    side: int,
    *,
    hashes: Sequence[str],
    cache: Path,
    limit_mb: int | None = None,
    preprocess: Preprocess | None = None,
    made_by: str = "",
    listener: Listener | None = None,
    what: str = "images",
) -> Pixels:
    """Return the store of these images, built first where it is missing; a PixelStream where there is no room for it.

    Of two runs that want the same store, one builds and the other waits.

    Args:
        images: what to store, in the order positions will refer to.
        side: height and width of the stored images, pixels.
        hashes: sha256 of each image.
        cache: folder of all stores.
        limit_mb: what all stores there may take; the least recently used are deleted for a new one. None: half of what
            would be free without them.
        preprocess: applied to (1, H, W, 3) uint8 before the resize.
        made_by: names how the images are decoded and preprocessed; part of the store's name.
        listener: told what is built and how far it is.
        what: they are called before people.

    Raises:
        ImageError: a file that cannot be decoded.
        TrainingError: the store cannot be written.
    """
    transform = PixelTransform(side=side, preprocess=preprocess, made_by=made_by)
    path = cache / f"{transform.key}-{_key(hashes)}.npy"
    size = compute_size(len(images), side)
    say = _speaker(listener)
    while True:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return _mark_used(PixelStore(path))
        try:
            with create_store(path, size, limit_mb=limit_mb) as file:
                say(message=f"{len(images):,} {what} at {side} px, {megabytes(size)} on disk in {cache}")
                older = _find_others(path)
                write_store(file, images, hashes, transform, older=older, progress=lambda n, of: say(done=n, total=of))
        except InWorkError:
            say(message="another run is building it; waiting for it")
            wait_for_builder(path)
        except NoRoomError as error:
            say(message=f"{error}; the {what} are decoded in every epoch")
            return PixelStream(images, transform)


def _key(hashes: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:32]


def _speaker(listener: Listener | None) -> Callable[..., None]:
    def say(**event: Any) -> None:
        if listener is not None:
            listener(Progress(stage="pixel store", **event))

    return say


def _mark_used(store: PixelStore) -> PixelStore:
    """Note that a store was used now; not where the folder can only be read."""
    with contextlib.suppress(OSError):
        os.utime(store.path)
    return store


def _find_others(path: Path) -> Iterator[PixelStore]:
    """Yield the stores of the same transform, the last used first."""
    for other in sorted(path.parent.glob(f"{path.name[:16]}-*.npy"), key=_read_last_use, reverse=True):
        with contextlib.suppress(FileNotFoundError):
            yield PixelStore(other)


def _read_last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
