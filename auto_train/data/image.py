"""Bytes of an image file to upright uint8 RGB; training, ``validate`` and the REST service all decode here."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.bounded import BoundedFile, bound_file, foreign_format, format_of
from auto_train.data.bounded.foreign import SUFFIXES as FOREIGN_SUFFIXES
from auto_train.data.bounded.orientation import orientation_in
from auto_train.data.rgb import check_mode, rgb_array, turn_upright
from auto_train.data.tiff import find_unusual_bands
from auto_train.errors import ImageError, ImageTooLargeError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
DECODED_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"]
)
# Of image files, those of formats that are named where they cannot be decoded among them.
SUFFIXES = DECODED_SUFFIXES | FOREIGN_SUFFIXES
# Twice Pillow's MAX_IMAGE_PIXELS: where Pillow itself sees an attack.
MAX_PIXELS = 2 * 89_478_485
# JPEGs that simplejpeg decodes.
_SIMPLE = ("RGB", "L")
# What Pillow's plug-ins raise on broken files; found by feeding them damaged ones.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an image file says of itself.

    Attributes:
        width, height: of the upright image, pixels.
        mode: Pillow's, with ``+A`` behind it where a palette or a colour is transparent, and ``;16`` where a sample of
            a colour image had 16 bits.
        format: one of FORMATS.
        orientation: EXIF, 1 to 8; 1 is upright. Of a TIFF always 1.
    """

    width: int
    height: int
    mode: str
    format: str
    orientation: int


def decode_image(source: bytes | Path, *, max_pixels: int | None = None, min_side: int | None = None) -> "np.ndarray":
    """Return an image the way a person sees it: upright, in colour, on white.

    Args:
        source: the bytes of a file, or its path.
        max_pixels: refuse larger images, judged by the header; None: 178,956,970.
        min_side: a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as both sides keep this many pixels (or all they
            have). Faster, slightly different pixels: for the train split only.

    Returns:
        (H, W, 3) uint8 RGB. EXIF rotation applied; transparency laid on white; 16 bits scaled to 8;
        the first frame of several.

    Raises:
        ImageError: empty, no image of FORMATS, broken, too large, or of a mode without a defined range.
    """
    return decode_with_header(source, max_pixels=max_pixels, min_side=min_side)[1]


def decode_with_header(
    source: bytes | Path, *, max_pixels: int | None = None, min_side: int | None = None
) -> "tuple[Header, np.ndarray]":
    """Return what :func:`decode_image` does, and before it what the file says of itself."""
    where = str(source) if isinstance(source, Path) else ""
    data = _read(source) if isinstance(source, Path) else source
    limit = max_pixels or MAX_PIXELS
    file = _bound(data, where, limit)
    if file.mode in _SIMPLE and file.size:
        header = _header(file, file.size, file.mode, "JPEG")
        if (pixels := _decode_jpeg(file, min_side)) is not None:
            return header, pixels
    image = _open(file.data, where, limit)
    try:
        check_mode(image.mode)
        format = "JPEG" if image.format == "MPO" else image.format or ""
        image.load()
        is_clear = image.has_transparency_data and not image.mode.endswith("A")
        header = _header(file, image.size, f"{image.mode}+A" if is_clear else image.mode, format)
        return header, rgb_array(image, file.orientation, format=format)
    except BROKEN as error:
        raise ImageError(f"is damaged: {error}", where=where, hint="replace or remove the file") from error


def open_bounded(source: bytes | Path, formats: Sequence[str] = FORMATS) -> "tuple[Image, int]":
    """Return a Pillow image, not yet loaded, of a file that can be decoded within MAX_PIXELS, and its orientation.

    What is not needed for its pixels (text, profiles, EXIF, further frames) is not there.

    Args:
        source: the bytes of a file, or its path.
        formats: those that are read.

    Raises:
        ImageError: empty, of another format, broken or too large.
    """
    where = str(source) if isinstance(source, Path) else ""
    data = _read(source) if isinstance(source, Path) else source
    file = _bound(data, where, MAX_PIXELS, formats)
    return _open(file.data, where, MAX_PIXELS), file.orientation


def convert_image(image: "Image") -> "np.ndarray":
    """Return a Pillow image as :func:`decode_image` does the file it came from; the image itself stays as it is.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: broken, or of a mode without a defined range.
    """
    try:
        image.load()
        format = "JPEG" if image.format == "MPO" else image.format or ""
        # Pillow turns a TIFF itself when it is loaded
        return rgb_array(image, 1 if format == "TIFF" else orientation_in(image.info), format=format)
    except BROKEN as error:
        raise ImageError(f"cannot be converted: {error}") from error


def _decode_jpeg(file: BoundedFile, min_side: int | None) -> "np.ndarray | None":
    """Return a JPEG's upright pixels, decoded without Pillow's copies in two thirds of its time; None: it decides.

    Both decode by libjpeg-turbo: the pixels are the same, except where a fraction of the size is enough.
    """
    import simplejpeg

    is_reduced = min_side is not None and file.size is not None and min(file.size) >= 2 * min_side
    least = {"fastdct": True, "min_height": min_side, "min_width": min_side} if is_reduced else {}
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(file.data, "RGB", **least)
    except ValueError:
        return None  # damaged, or odd in a way that Pillow may know
    return turn_upright(pixels, file.orientation)


def image_size(source: bytes | Path) -> tuple[int, int]:
    """Return (width, height) in pixels of the upright image, from its header.

    Raises:
        ImageError: empty, or no image of FORMATS.
    """
    where = str(source) if isinstance(source, Path) else ""
    start, orientation = _read(source, 12) if isinstance(source, Path) else source[:12], 1
    if format_of(start) == "PNG":
        # Pillow unpacks text before it tells a size
        file = _bound(_read(source) if isinstance(source, Path) else source, where, MAX_PIXELS)
        source, orientation = file.data, file.orientation
    image = _open(source, where, MAX_PIXELS)
    with image:
        width, height = image.size
        # Pillow turns TIFF itself and reports the turned size
        turned = image.format != "TIFF" and max(orientation, orientation_in(image.info)) >= 5
    return (height, width) if turned else (width, height)


def _header(file: BoundedFile, size: tuple[int, int], mode: str, format: str) -> Header:
    width, height = size
    if file.orientation >= 5:
        width, height = height, width
    if file.bits == 16 and not mode.startswith("I;16"):
        mode += ";16"
    return Header(
        width=width,
        height=height,
        mode=mode,
        format=format,
        orientation=1 if format == "TIFF" else file.orientation,
    )


def _read(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _bound(data: bytes, where: str, max_pixels: int, formats: Sequence[str] = FORMATS) -> BoundedFile:
    """Return a file that can be decoded within the limit.

    Raises:
        ImageError: of another format, broken, or too large.
    """
    if (format := format_of(data)) not in formats:
        raise _not_an_image(data[:64], where, formats)
    try:
        return bound_file(data, format, max_pixels)
    except ImageError as error:
        raise type(error)(error.message, where=where, allowed=error.allowed, hint=error.hint) from error


def _open(source: bytes | Path, where: str, max_pixels: int) -> "Image":
    from PIL import Image

    # Ours is the limit that counts, so that a large photo is neither refused nor warned about twice.
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, max_pixels)
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        start = source[:64] if isinstance(source, bytes) else _read(source, 64)
        if not format_of(start):
            raise _not_an_image(start, where, FORMATS) from error
        if bands := find_unusual_bands(source if isinstance(source, bytes) else _read(source)):
            hint = "save red, green and blue, or one band, as an image of their own"
            raise ImageError(f"is {bands}", where=where, allowed="1 band, or 3 of 8 or 16 bits", hint=hint) from error
        raise ImageError("is damaged: its header cannot be read", where=where) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"has too many pixels: {error}", where=where) from error
    except BROKEN as error:
        raise ImageError(f"cannot be read: {error}", where=where) from error
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"has {width} x {height} pixels", where=where, allowed=f"at most {max_pixels:,} pixels"
        )
    return image


def _not_an_image(start: bytes, where: str, formats: Sequence[str]) -> ImageError:
    allowed = ", ".join(formats)
    if not start:
        return ImageError("is empty (0 bytes)", where=where, allowed=allowed)
    if foreign := foreign_format(start):
        return ImageError(
            f"is in the format {foreign.name}, which is not decoded: {foreign.advice}",
            where=where,
            allowed=allowed,
            hint=foreign.hint,
        )
    return ImageError(f"is no image: it begins with {start[:16]!r}", where=where, allowed=allowed)
