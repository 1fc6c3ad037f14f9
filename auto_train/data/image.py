"""Bytes of an image file to upright uint8 RGB; training, ``validate`` and the REST service all decode here."""

import contextlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.tiff import unusual_bands
from auto_train.errors import ImageError, ImageTooLargeError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = frozenset([".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"])
# Twice Pillow's MAX_IMAGE_PIXELS: where Pillow itself sees an attack.
MAX_PIXELS = 2 * 89_478_485
_ORIENTATION = 0x0112
# What Pillow's plug-ins raise on broken files; found by feeding them damaged ones.
_BROKEN = (
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
        mode: Pillow's, with ``+A`` behind it where a palette or a colour is transparent.
        format: one of FORMATS.
        orientation: EXIF, 1 to 8; 1 is upright. Of a TIFF always 1: Pillow turns it itself.
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
    import numpy as np

    where = str(source) if isinstance(source, Path) else ""
    data = _read(source) if isinstance(source, Path) else source
    image = _open(data, where, max_pixels or MAX_PIXELS)
    try:
        if image.format != "JPEG":
            image.load()  # a PNG may tell its orientation behind its pixels
        header = _header(image)
        pixels = _decode_jpeg(data, image, min_side)
        return header, np.array(_upright_rgb(image)) if pixels is None else pixels
    except _BROKEN as error:
        raise ImageError(f"is damaged: {error}", where=where, hint="replace or remove the file") from error


def convert_image(image: "Image") -> "np.ndarray":
    """Return a Pillow image as :func:`decode_image` does the file it came from; the image itself stays as it is.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: broken, or of a mode without a defined range.
    """
    import numpy as np

    try:
        own = image.copy()
        own.format = image.format  # which copies lose, and which tells how a CMYK image is meant
        return np.array(_upright_rgb(own))
    except _BROKEN as error:
        raise ImageError(f"cannot be converted: {error}") from error


def _upright_rgb(image: "Image") -> "Image":
    image.load()
    _turn_upright(image)
    return _to_rgb(image)


def _decode_jpeg(data: bytes, image: "Image", min_side: int | None) -> "np.ndarray | None":
    """Return a JPEG's upright pixels, decoded without Pillow's copies in two thirds of its time; None: it decides.

    Both decode by libjpeg-turbo: the pixels are the same, except where a fraction of the size is enough.
    """
    import numpy as np
    import simplejpeg
    from PIL import Image as Images

    if image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return None
    is_reduced = min_side is not None and min(image.size) >= 2 * min_side
    least = {"fastdct": True, "min_height": min_side, "min_width": min_side} if is_reduced else {}
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, "RGB", **least)
    except ValueError:
        return None  # damaged, or odd in a way that Pillow may know
    if _orientation(image) == 1:
        return pixels
    upright = Images.fromarray(pixels)
    upright.info.update(image.info)
    _turn_upright(upright)
    return np.array(upright)


def _turn_upright(image: "Image") -> None:
    """Apply the EXIF rotation; what is broken in EXIF alone does not make an image unreadable."""
    from PIL import ImageOps

    with contextlib.suppress(*_BROKEN):
        ImageOps.exif_transpose(image, in_place=True)


def image_size(source: bytes | Path) -> tuple[int, int]:
    """Return (width, height) in pixels of the upright image, from its header.

    Raises:
        ImageError: empty, or no image of FORMATS.
    """
    where = str(source) if isinstance(source, Path) else ""
    image = _open(source, where, MAX_PIXELS)
    with image:
        width, height = image.size
        # Pillow turns TIFF itself and reports the turned size
        turned = image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def _header(image: "Image") -> Header:
    width, height = image.size
    orientation = found if (found := _orientation(image)) in range(1, 9) else 1
    if orientation >= 5 and image.format != "TIFF":
        width, height = height, width
    is_clear = image.has_transparency_data and not image.mode.endswith("A")
    mode = f"{image.mode}+A" if is_clear else image.mode
    return Header(width=width, height=height, mode=mode, format=image.format or "", orientation=orientation)


def _orientation(image: "Image") -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _open(source: bytes | Path, where: str, max_pixels: int) -> "Image":
    from PIL import Image

    # Ours is the limit that counts, so that a large photo is neither refused nor warned about twice.
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, max_pixels)
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        if bands := unusual_bands(source if isinstance(source, bytes) else _read(source)):
            hint = "save red, green and blue, or one band, as an image of their own"
            raise ImageError(f"is {bands}", where=where, allowed="1 band, or 3 of 8 or 16 bits", hint=hint) from error
        raise ImageError(_not_an_image(source), where=where, allowed=", ".join(FORMATS)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"has too many pixels: {error}", where=where) from error
    except _BROKEN as error:
        raise ImageError(f"cannot be read: {error}", where=where) from error
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"has {width} x {height} pixels", where=where, allowed=f"at most {max_pixels:,} pixels"
        )
    return image


def _not_an_image(source: bytes | Path) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(16)
    return f"is no image: it begins with {source[:16]!r}" if source else "is empty (0 bytes)"


def _to_rgb(image: "Image") -> "Image":
    from PIL import Image, ImageChops

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        # 65,535 becomes 255; Pillow's own convert() clips at 255 instead
        return Image.fromarray(_to_8_bit(image)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"mode '{image.mode}' (32 bits) has no defined range; save it with 8 or 16 bits")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow inverts every CMYK JPEG; only Adobe's are stored inverted (Skia and libvips look at the marker too)
        image = ImageChops.invert(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _to_8_bit(image: "Image") -> "np.ndarray":
    import numpy as np

    values = np.asarray(image).astype(np.uint32)
    return ((values * 255 + 32_767) // 65_535).astype(np.uint8)
