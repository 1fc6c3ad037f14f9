"""What a file may cost, and the refusals that every format shares."""

from dataclasses import dataclass
from typing import NamedTuple

from auto_train.errors import ImageTooLargeError

# While an image is decoded: Pillow's four bytes a pixel and the three of the result fit, with some room.
BYTES_PER_PIXEL = 8
# Of the array that a decoded image becomes: uint8 RGB.
OUTPUT_BYTES = 3
_ROW_BYTES = 16
# Small limits still allow a decoder its buffers.
_MIN_BYTES = 64_000_000


class BoundedFile(NamedTuple):
    """A file that is safe to decode.

    Attributes:
        data: its bytes, without what its pixels do not need.
        bits: of one sample, where this is 16; else 8.
        orientation: EXIF, 1 to 8.
        size: stored width and height, pixels; with them ``mode``, as Pillow names it. None: Pillow is asked.
    """

    data: bytes
    bits: int = 8
    orientation: int = 1
    size: tuple[int, int] | None = None
    mode: str = ""


@dataclass(frozen=True)
class Limit:
    """What decoding one image may cost.

    Args:
        pixels: width times height.
    """

    pixels: int

    @property
    def memory(self) -> int:
        """Bytes that may be allocated at one time beside the file."""
        return max(BYTES_PER_PIXEL * self.pixels, _MIN_BYTES)

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse an image of more pixels.

        Raises:
            ImageTooLargeError: it has more.
        """
        if width * height > self.pixels:
            raise ImageTooLargeError(f"has {width} x {height} pixels", allowed=f"at most {self.pixels:,} pixels")

    def check_memory(self, required: int, *, rows: int = 0, hint: str = "save it smaller") -> None:
        """Refuse an image whose decoder allocates more.

        Args:
            required: bytes.
            rows: of the image, for each of which Pillow has pointers.
            hint: what to do.

        Raises:
            ImageTooLargeError: it does.
        """
        required += _ROW_BYTES * rows
        if required > self.memory:
            raise ImageTooLargeError(
                f"takes {required / 1e6:,.0f} MB to decode", allowed=f"at most {self.memory / 1e6:,.0f} MB", hint=hint
            )


def check_count(found: int, most: int, noun: str, hint: str = "save it again in an image editor") -> None:
    """Refuse an image that consists of more parts than any sound one.

    Raises:
        ImageTooLargeError: it does.
    """
    if found > most:
        raise ImageTooLargeError(f"has more than {most:,} {noun}", allowed=f"at most {most:,}", hint=hint)
