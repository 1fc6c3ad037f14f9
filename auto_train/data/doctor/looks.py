"""What the doctor has seen of every image and every mask."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from auto_train.data.doctor.look import SIDE, Look, Problem
from auto_train.data.targets import Masks


class MaskLook(NamedTuple):
    """What was seen of a mask: its size in pixels, and a bit for each value that is in it.

    Attributes:
        colours: red, green and blue that a palette gives each of these values, in rising order; b"" without a palette.
    """

    width: int
    height: int
    values: bytes
    colours: bytes = b""


@dataclass(frozen=True, kw_only=True)
class MaskLooks:
    """What was seen of every mask, row by row.

    Attributes:
        problems: by row, of masks that cannot be read; the other columns are 0 there.
        sizes: (N, 2) int32, width and height, pixels.
        bits: (N, 32) uint8, see :attr:`present`.
        colours: by row, of masks with a palette, see :class:`MaskLook`.
    """

    problems: dict[int, Problem]
    sizes: np.ndarray
    bits: np.ndarray
    colours: dict[int, bytes]

    @classmethod
    def empty(cls, n: int) -> Self:
        return cls(problems={}, sizes=np.zeros((n, 2), np.int32), bits=np.zeros((n, 32), np.uint8), colours={})

    def note(self, row: int, found: "MaskLook | Problem") -> None:
        if isinstance(found, Problem):
            self.problems[row] = found
            return
        self.sizes[row] = found.width, found.height
        self.bits[row] = np.frombuffer(found.values, np.uint8)
        if found.colours:
            self.colours[row] = found.colours

    def present(self, row: int) -> list[int]:
        """Return the values that are in a mask."""
        return [int(value) for value in np.flatnonzero(np.unpackbits(self.bits[row]))]

    def add_class_names(self, masks: Masks) -> Masks:
        """Return the masks with the classes that were seen in them."""
        names = masks.names
        seen = [[names[value] for value in self.present(row) if value < len(names)] for row in range(len(masks))]
        return replace(masks, seen=seen)


@dataclass(kw_only=True)
class Looks:
    """What was seen of every image of a table, row by row.

    Attributes:
        sums: sha256 of the files or arrays; "" of a file that cannot be read.
        problems: by row, of the images that cannot be used; the other columns are 0 or "" there.
        sizes: (N, 2) int32, width and height of the upright image, pixels.
        modes, formats, orientations: of the files, see :class:`auto_train.data.doctor.look.Look`.
        thumbs: (N, SIDE, SIDE) uint8.
        peaks: (N,) uint8, see :class:`auto_train.data.doctor.look.Look`.
        masks: what was seen of the masks, where the images have some.
    """

    sums: list[str]
    problems: dict[int, Problem]
    sizes: np.ndarray
    modes: list[str]
    formats: list[str]
    orientations: np.ndarray
    thumbs: np.ndarray
    peaks: np.ndarray
    masks: MaskLooks | None = None

    @classmethod
    def empty(cls, n: int) -> Self:
        return cls(
            sums=[""] * n,
            problems={},
            sizes=np.zeros((n, 2), np.int32),
            modes=[""] * n,
            formats=[""] * n,
            orientations=np.ones(n, np.uint8),
            thumbs=np.zeros((n, SIDE, SIDE), np.uint8),
            peaks=np.full(n, 255, np.uint8),
        )

    @property
    def whole(self) -> np.ndarray:
        """Rows of the images that can be used, (N,) int64."""
        return np.setdiff1d(np.arange(len(self.sums)), list(self.problems))

    def note(self, row: int, found: Look | Problem) -> None:
        if isinstance(found, Problem):
            self.problems[row] = found
            return
        self.sizes[row] = found.width, found.height
        self.modes[row], self.formats[row], self.orientations[row] = found.mode, found.format, found.orientation
        self.peaks[row] = found.peak
        self.thumbs[row] = np.frombuffer(found.thumb, np.uint8).reshape(SIDE, SIDE)
