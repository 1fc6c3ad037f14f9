"""The idx format of MNIST and its relatives: one file of images, one of labels, per split; plain or .gz."""

import gzip
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options
from auto_train.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from auto_train.data.samples import Samples

LOOKS = "idx files of images and labels"
_IMAGES = re.compile(r"(?P<prefix>.*)images(?P<middle>[-.]idx)[34](?P<end>-ubyte)(\.gz)?")
_SPLITS = (("t10k", "test"), ("test", "test"), ("valid", "valid"), ("train", "train"))


def detect(folder: Path, options: Options) -> bool:
    """Return True if there is a file named like ``train-images-idx3-ubyte``, plain or .gz."""
    return any(_IMAGES.fullmatch(path.name) for path in folder.iterdir())


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of all pairs of files; ``t10k`` is the test split. Labels are the numbers as text."""
    parts = [_read_pair(path) for path in _image_files(folder)]
    if not parts:
        raise DataError("no idx files here", where=str(folder), allowed="train-images-idx3-ubyte and the like, or .gz")
    return array_samples(parts, root=folder)


def array_samples(parts: Sequence[tuple[str, str, "np.ndarray", "np.ndarray"]], root: Path | None) -> "Samples":
    """Return Samples of arrays.

    Args:
        parts: name, split, images (N, H, W) or (N, H, W, 3) uint8, and labels (N,) integer of each part.
        root: folder of the data, if it lies in one.
    """
    import numpy as np
    import pandas as pd

    from auto_train.data.images import ArrayImages
    from auto_train.data.samples import Samples

    table = pd.DataFrame(
        {
            "path": [f"{name}#{i}" for name, _, images, _ in parts for i in range(len(images))],
            "split": [split for _, split, images, _ in parts for _ in range(len(images))],
            "label": [str(label) for *_, labels in parts for label in np.asarray(labels).tolist()],
            "group": "",
            "sha256": "",
        },
        dtype=object,
    )
    images = ArrayImages([(name, images) for name, _, images, _ in parts])
    return Samples(table=table, images=images, labels=[], root=root)


def _image_files(folder: Path) -> list[Path]:
    """Return one file per pair, the unpacked one where both forms are there."""
    found = {path.name: path for path in sorted(folder.iterdir()) if _IMAGES.fullmatch(path.name)}
    files = [path for name, path in found.items() if name.removesuffix(".gz") == name or name[:-3] not in found]
    return sorted(files, key=lambda path: [key not in path.name for key, _ in reversed(_SPLITS)])


def _read_pair(images_file: Path) -> tuple[str, str, "np.ndarray", "np.ndarray"]:
    match = _IMAGES.fullmatch(images_file.name)
    assert match
    labels_name = f"{match['prefix']}labels{match['middle']}1{match['end']}"
    candidates = [images_file.with_name(name) for name in (labels_name, f"{labels_name}.gz")]
    labels_file = next((path for path in candidates if path.is_file()), None)
    if not labels_file:
        raise DataError(f"'{images_file.name}' is there without its labels", where=str(images_file.parent),
                        allowed=" or ".join(path.name for path in candidates))  # fmt: skip
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3) or labels.ndim != 1:
        message = f"shape {images.shape} with labels of shape {labels.shape}"
        raise DataError(message, where=str(images_file), allowed="(N, H, W) or (N, H, W, 3) with (N,)")
    if len(images) != len(labels):
        raise DataError(
            f"{len(images)} images with {len(labels)} labels in '{labels_file.name}'", where=str(images_file)
        )
    split = next((split for key, split in _SPLITS if key in match["prefix"].lower()), "")
    return images_file.name.removesuffix(".gz"), split, images, labels


def read_idx(path: Path) -> "np.ndarray":
    """Return the array in an idx file; a plain file is memory-mapped.

    Source: the format's description by Y. LeCun: two zero bytes, type code 8 (unsigned byte), number of dimensions,
    their sizes as big-endian 32-bit integers, then the values, last dimension fastest.

    Raises:
        DataError: another magic number, a file shorter or longer than its header says, a broken .gz.
    """
    import numpy as np

    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            shape = _read_shape(file.read(4), file.read, path)
            size = int(np.prod(shape, dtype=object))
            start = 4 + 4 * len(shape)
            if path.suffix == ".gz":
                data = np.frombuffer(_read_up_to(file.read, size + 1), np.uint8)
            else:
                data = np.memmap(path, np.uint8, "r")[start:]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be unpacked: {error}", where=str(path), hint="fetch the file again") from error
    if len(data) != size:
        message = f"holds {len(data):,} values{' or more' if len(data) > size else ''}, its header promises {size:,}"
        raise DataError(message, where=str(path), hint="fetch the file again")
    return data.reshape(shape)


def _read_up_to(read: Callable[[int], bytes], size: int) -> bytearray:
    """Return at most so many bytes, without trust that there are as many: a header may promise exabytes."""
    data = bytearray()
    while block := read(min(1 << 20, size - len(data))):
        data += block
    return data


def _read_shape(magic: bytes, read: Callable[[int], bytes], path: Path) -> tuple[int, ...]:
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise DataError(f"is no idx file: it begins with {magic!r}", where=str(path), allowed="00 00 08 and 1 to 4")
    sizes = read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError("ends within its header", where=str(path), hint="fetch the file again")
    return tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
