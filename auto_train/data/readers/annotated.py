"""What a file says of the objects in an image, before it is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Box(NamedTuple):
    """A box: class name, corners in pixels of the image as the file says them, line or number of it in the file."""

    name: str
    left: float
    top: float
    right: float
    bottom: float
    line: int = 0
    is_crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class AnnotatedImage:
    """An image and its boxes.

    Attributes:
        path: absolute, of the image.
        boxes: none is legal.
        file: that holds them; None where the format has none for an image without boxes.
        split, group: "" for none.
        size: width and height in pixels that the file says the image has; 0, 0 where it says nothing.
    """

    path: Path
    boxes: Sequence[Box]
    size: tuple[int, int] = (0, 0)
    file: Path | None = None
    split: str = ""
    group: str = ""
