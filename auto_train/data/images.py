"""The pixels behind a Samples table: files that are decoded on access, or arrays."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from auto_train.data.checksum import hash_file, hash_files
from auto_train.data.image import decode_image, image_size

if TYPE_CHECKING:
    import numpy as np


class Images(Protocol):
    """Images by row number, in the order of the table."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> "np.ndarray":
        """Return (H, W, 3) uint8 RGB, fully decoded, upright."""

    def size(self, row: int) -> tuple[int, int]:
        """Return (width, height) in pixels without decoding."""

    def name(self, row: int) -> str:
        """Return what tells a person which image it is: its path, or file and number."""

    def sha256(self, row: int) -> str:
        """Return the sha256 of the file's bytes or of the array's."""

    def sha256s(self, rows: Sequence[int]) -> list[str | OSError]:
        """Return the same for many rows, or why a file cannot be read; see :func:`hash_files`."""

    def take(self, rows: Sequence[int]) -> "Images":
        """Return these rows only, in this order."""

    def reduce(self, min_side: int) -> "Images":
        """Return the same images, decoded faster where a fraction of their size is enough: see decode_image."""


@dataclass(frozen=True)
class FileImages:
    """Images in files.

    Args:
        paths: absolute paths.
        min_side: as decode_image's.
    """

    paths: Sequence[Path]
    min_side: int | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int, /) -> "np.ndarray":
        return decode_image(self.paths[row], min_side=self.min_side)

    def size(self, row: int) -> tuple[int, int]:
        return image_size(self.paths[row])

    def name(self, row: int) -> str:
        return str(self.paths[row])

    def sha256(self, row: int) -> str:
        return hash_file(self.paths[row])

    def sha256s(self, rows: Sequence[int]) -> list[str | OSError]:
        return hash_files([self.paths[row] for row in rows])

    def take(self, rows: Sequence[int]) -> "FileImages":
        return FileImages([self.paths[row] for row in rows], self.min_side)

    def reduce(self, min_side: int) -> "FileImages":
        return FileImages(self.paths, min_side)


@dataclass(frozen=True)
class ArrayImages:
    """Images in arrays that may be memory-mapped; grey ones become RGB on access only.

    Args:
        parts: name and (N, H, W) or (N, H, W, 3) uint8 array of each file.
        places: for each row its part and its position there; by default all of all parts.
    """

    parts: Sequence[tuple[str, "np.ndarray"]]
    places: Sequence[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        if self.places is None:
            places = [(part, i) for part, (_, array) in enumerate(self.parts) for i in range(len(array))]
            object.__setattr__(self, "places", places)

    def __len__(self) -> int:
        return len(self.places or ())

    def __getitem__(self, row: int, /) -> "np.ndarray":
        import numpy as np

        image = self.raw(row)
        return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else np.asarray(image)

    def raw(self, row: int) -> "np.ndarray":
        """Return the image as it is kept: (H, W) or (H, W, 3) uint8."""
        part, position = self._place(row)
        return self.parts[part][1][position]

    def size(self, row: int) -> tuple[int, int]:
        height, width = self.raw(row).shape[:2]
        return width, height

    def name(self, row: int) -> str:
        part, position = self._place(row)
        return f"{self.parts[part][0]}#{position}"

    def sha256(self, row: int) -> str:
        return hashlib.sha256(self.raw(row).tobytes()).hexdigest()

    def sha256s(self, rows: Sequence[int]) -> list[str | OSError]:
        return [self.sha256(row) for row in rows]

    def take(self, rows: Sequence[int]) -> "ArrayImages":
        return ArrayImages(self.parts, [self._place(row) for row in rows])

    def reduce(self, min_side: int) -> "ArrayImages":
        return self

    def _place(self, row: int) -> tuple[int, int]:
        assert self.places is not None
        return self.places[row]
