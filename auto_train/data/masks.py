"""Masks of images: files of class codes, and shapes that are drawn when they are asked for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.mask_codes import Colours, decode_mask
from auto_train.data.rle import decode_rle
from auto_train.errors import ImageError

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")


@dataclass(frozen=True)
class MaskFile:
    """A mask in an image file: grey values or palette entries are class codes.

    Args:
        path: of the file.
        sha256: of its bytes; "" has it computed where it is asked for.
        colours: class code of each colour, where colours and not numbers say the class.
    """

    path: Path
    sha256: str = ""
    colours: Colours = ()

    @property
    def where(self) -> str:
        return str(self.path)

    def read(self) -> "np.ndarray":
        """Return (H, W) uint8 class codes.

        Raises:
            ImageError: it cannot be read, is coloured, holds values above 255.
        """
        return self.decode()[0]

    def decode(self) -> "tuple[np.ndarray, bytes]":
        """Return the class codes, and the colours that a palette gives them, as :func:`decode_mask` does."""
        return decode_mask(self.path, self.colours)

    def digest(self) -> str:
        content = self.sha256 or hashlib.sha256(self.path.read_bytes()).hexdigest()
        if self.colours:  # the same file has other codes where its colours stand for other classes
            content = hashlib.sha256(f"{content} {sorted(self.colours)}".encode()).hexdigest()
        return content[:16]


@dataclass(frozen=True)
class Shape:
    """The region of one object.

    Args:
        code: class code, 1 to 254.
        polygons: each (points, 2) float32, x and y in pixels; the region is what lies in any of them.
        counts: run lengths in place of polygons, as :func:`decode_rle` takes them.
    """

    code: int
    polygons: Sequence["np.ndarray"] = ()
    counts: str | Sequence[int] | None = None

    def region(self, height: int, width: int) -> "np.ndarray":
        """Return (H, W) bool, drawn as COCO's own tools draw."""
        import numpy as np
        from faster_coco_eval.core import mask as coco

        if self.counts is not None:
            return decode_rle(self.counts, height, width)
        # A point far outside draws the same edge as one that is less far, but for memory.
        most = np.array([width, height], np.float64)
        points = [np.clip(polygon, -most, 2 * most).ravel().tolist() for polygon in self.polygons]
        found: np.ndarray = coco.decode(coco.frPyObjects(points, height, width))
        region: np.ndarray = found.max(axis=2) > 0
        return region


@dataclass(frozen=True)
class Shapes:
    """A mask that is drawn from the shapes of objects: the largest first, so that what lies on it stays seen.

    Args:
        file: of the annotations.
        width, height: of the image, pixels.
        shapes: background is where none is.
    """

    file: Path
    width: int
    height: int
    shapes: Sequence[Shape]

    @property
    def where(self) -> str:
        return str(self.file)

    def read(self) -> "np.ndarray":
        """Return (H, W) uint8 class codes, 0 where there is no object.

        Raises:
            ImageError: run lengths of another size.
        """
        import numpy as np

        mask = np.zeros((self.height, self.width), np.uint8)
        try:
            regions = [(shape.code, shape.region(self.height, self.width)) for shape in self.shapes]
        except ValueError as error:
            raise ImageError(str(error), where=self.where) from error
        for code, region in sorted(regions, key=lambda one: -int(one[1].sum())):
            mask[region] = code
        return mask

    def digest(self) -> str:
        text = hashlib.sha256(f"{self.width} {self.height}".encode())
        for shape in self.shapes:
            text.update(f" {shape.code} {shape.counts}".encode())
            for polygon in shape.polygons:
                text.update(polygon.tobytes() + b";")
        return text.hexdigest()[:16]
