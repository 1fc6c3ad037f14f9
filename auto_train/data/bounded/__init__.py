"""What decoding a file may cost, judged by its headers before a decoder allocates anything; one file per format.

Each format's ``bound`` walks the headers and refuses what would take more memory or time than the pixel limit stands
for. What pixels do not need (text, profiles, further frames) is cut away, so that no decoder unpacks it.
"""

from auto_train.data.bounded.base import BoundedFile, Limit
from auto_train.data.bounded.bmp import bound as _bound_bmp
from auto_train.data.bounded.foreign import foreign_format
from auto_train.data.bounded.gif import bound as _bound_gif
from auto_train.data.bounded.jpeg import bound as _bound_jpeg
from auto_train.data.bounded.png import bound as _bound_png
from auto_train.data.bounded.tiff import bound as _bound_tiff
from auto_train.data.bounded.webp import bound as _bound_webp

__all__ = ["BoundedFile", "Limit", "bound_file", "foreign_format", "format_of"]

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    ((b"GIF87a", b"GIF89a"), "GIF"),
    (b"BM", "BMP"),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
)
_BOUNDS = {
    "JPEG": _bound_jpeg,
    "PNG": _bound_png,
    "GIF": _bound_gif,
    "BMP": _bound_bmp,
    "TIFF": _bound_tiff,
    "WEBP": _bound_webp,
}


def format_of(data: bytes) -> str:
    """Return the name of a file's format by its first 12 bytes; "" for none that is decoded."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for start, name in _SIGNATURES:
        if data.startswith(start):
            return name
    return ""


def bound_file(data: bytes, format: str, max_pixels: int) -> BoundedFile:
    """Return a file that can be decoded within the limit, with the same pixels.

    Args:
        data: the bytes of a file.
        format: see :func:`format_of`.
        max_pixels: the limit; memory and time are in proportion to it.

    Raises:
        ImageTooLargeError: decoding would take more.
        ImageError: its headers contradict each other.
    """
    return _BOUNDS[format](data, Limit(max_pixels))
