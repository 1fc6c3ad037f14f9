"""Write a pixel store: copy what older stores of the same transform have, decode the rest on all cores."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np

from auto_train.data.images import Images
from auto_train.data.parallel import create_pool, map_in_order
from auto_train.data.pixels.transform import PixelTransform, is_grey

Progress = Callable[[int, int], None]

# Rows of one task, tasks ahead, and seconds from one word about progress to the next.
BLOCK, AHEAD, EVERY_S = 16, 64, 0.2
# A hash as text; and what the header of a .npy file of four dimensions takes at most.
HASH, MAX_HEADER = np.dtype("S64"), 256


class OlderStore(Protocol):
    """What can be copied from: a PixelStore."""

    array: np.ndarray

    def hashes(self) -> np.ndarray: ...


def compute_size(count: int, side: int) -> int:
    """Return how many bytes a store of colour images takes at most."""
    return MAX_HEADER + count * (side * side * 3 + HASH.itemsize)


def write_store(
    file: BinaryIO,
    images: Images,
    hashes: Sequence[str],
    transform: PixelTransform,
    *,
    older: Iterator[OlderStore],
    progress: Progress | None = None,
) -> None:
    """Make the file a .npy array of (N, side, side, 3) uint8, of one channel where all are grey, and the hashes.

    Args:
        file: open for reading and writing, of compute_size() bytes.
        images: what to store.
        hashes: what names the content of each image.
        transform: from a decoded image to its row.
        older: stores of the same transform, the most useful first.
        progress: told the number of images done and in all.
    """
    names = np.array(hashes, dtype=HASH)
    array = _map_array(file, (len(images), transform.side, transform.side, 3))
    missing = _copy(array, names, older)
    _decode(array, images, transform, missing, progress)
    if all(map(is_grey, _blocks(array))):
        array = _keep_first_channel(file, array)
    array.flush()
    file.truncate(array.offset + array.nbytes)
    file.seek(0, os.SEEK_END)
    file.write(names.tobytes())
    file.flush()


def _map_array(file: BinaryIO, shape: tuple[int, ...]) -> np.memmap:
    """Return the array of this shape behind a header written for it."""
    file.seek(0)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    file.flush()
    # By name: a mapping of the file itself would keep its lock.
    return np.memmap(file.name, np.uint8, "r+", file.tell(), shape)


def _blocks(array: np.ndarray, size: int = 256) -> Iterator[np.ndarray]:
    return (array[start : start + size] for start in range(0, len(array), size))


def _copy(array: np.ndarray, names: np.ndarray, older: Iterator[OlderStore]) -> np.ndarray:
    """Fill the rows that are in older stores and return the positions of the others."""
    missing = np.arange(len(names))
    for store in older:
        _, places, rows = np.intersect1d(names[missing], store.hashes(), return_indices=True)
        for place, row in zip(_blocks(missing[places]), _blocks(rows), strict=True):
            array[place] = store.array[row]
        missing = np.delete(missing, places)
        if not len(missing):
            break
    return missing


def _decode(
    array: np.ndarray, images: Images, transform: PixelTransform, missing: np.ndarray, progress: Progress | None
) -> None:
    done, told = len(array) - len(missing), 0.0

    def fill(rows: np.ndarray) -> int:
        for row in rows.tolist():
            array[row] = transform(images[row])
        return len(rows)

    with create_pool("pixels") as pool:
        for count in map_in_order(pool, fill, _blocks(missing, BLOCK), ahead=AHEAD):
            done += count
            if progress and (time.monotonic() - told > EVERY_S or done == len(array)):
                told = time.monotonic()
                progress(done, len(array))


def _keep_first_channel(file: BinaryIO, array: np.memmap) -> np.memmap:
    """Keep one channel of three: in the same place, front to back, so that nothing is overwritten before it is read."""
    grey = _map_array(file, (*array.shape[:3], 1))
    for target, source in zip(_blocks(grey), _blocks(array), strict=True):
        target[:] = source[..., :1].copy()
    return grey
