"""Class codes of a mask's pixels as its file declares them: by number, by palette entry, or by colour.

Which images the files belong to is in readers/masks.py; what a set of masks says together in doctor/mask_sets.py.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.bounded import format_of
from auto_train.data.image import BROKEN, open_bounded
from auto_train.data.rgb import turn_upright
from auto_train.data.tiff import find_unusual_bands
from auto_train.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

# Formats that keep every value. JPEG does not.
FORMATS = ("PNG", "TIFF", "BMP", "GIF")
# A class code by (red, green, blue).
Colours = Sequence[tuple[tuple[int, int, int], int]]
# Value of pixels that are ignored; auto_train.data.targets.IGNORE, which needs numpy.
IGNORED = 255
# Pillow multiplies grey values of fewer than 8 bits, so that the largest becomes 255. Source: its Unpack.c.
_SCALE = {2: 85, 4: 17}
_ONE_NUMBER = "save one number for each pixel: its class"
_TIFF_BITS, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0


def decode_mask(path: Path, colours: Colours = ()) -> "tuple[np.ndarray, bytes]":
    """Return (H, W) uint8 class codes, and the colours that a palette gives the codes that occur.

    Args:
        colours: code of each colour, where labelmap.txt says it; () reads numbers.

    Returns:
        The codes; and red, green and blue of each code that occurs, in rising order, b"" of a file without a palette.

    Raises:
        ImageError: it cannot be read, is coloured, holds values above 255 or anything that may be meant in two ways.
    """
    from PIL import Image

    try:
        data = path.read_bytes()
        if format_of(data) not in FORMATS:
            raise Image.UnidentifiedImageError
        image, orientation = open_bounded(data, FORMATS)  # before the pages: their sizes are not to be believed yet
        _check_pages(data)
        with image:
            image.load()
            codes = _codes_by_colour(image, colours) if colours else _codes(image, data)
            palette = b"" if colours else _palette_of(image, codes)
            # Of other formats than TIFF, EXIF is not looked at: annotation tools draw on what lies in the file.
            return turn_upright(codes, orientation if image.format == "TIFF" else 1), palette
    except Image.UnidentifiedImageError as error:
        if bands := find_unusual_bands(data):
            raise ImageError(f"is {bands}", where=str(path), allowed="one band of class codes") from error
        allowed = ", ".join(FORMATS)
        raise ImageError("is not a mask", where=str(path), allowed=allowed, hint="JPEG changes values") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        if isinstance(error, ImageError):
            raise type(error)(error.message, where=str(path), allowed=error.allowed, hint=error.hint) from error
        raise ImageError(f"cannot be read as a mask: {error}", where=str(path)) from error


def find_colours(path: Path) -> set[tuple[int, int, int]]:
    """Return the colours that a file shows, transparency aside; grey values are shown with three equal parts.

    Raises:
        ImageError: it cannot be decoded.
    """
    import numpy as np

    try:
        image, _ = open_bounded(path, FORMATS)
        with image:
            packed = np.unique(_pack_colours(image))
    except BROKEN as error:
        raise ImageError(f"cannot be read as a mask: {error}", where=str(path)) from error
    return {(int(value) >> 16, int(value) >> 8 & 255, int(value) & 255) for value in packed}


def _check_pages(data: bytes) -> None:
    """Refuse further images of the same size: nobody knows which of them is the mask."""
    from PIL import Image

    if format_of(data) not in ("TIFF", "GIF"):
        return
    with Image.open(io.BytesIO(data), formats=("TIFF", "GIF")) as image:
        size, pages = image.size, getattr(image, "n_frames", 1)
        for page in range(1, pages):
            image.seek(page)
            if image.size == size:
                hint = "save the mask as the only image of its file"
                raise ImageError(f"holds {pages} images of one size", hint=hint)


def _codes(image: "Image", data: bytes) -> "np.ndarray":
    import numpy as np

    if image.mode in ("L", "P", "1"):
        values: np.ndarray = np.array(image).astype(np.uint8)  # of mode 1: False and True
        return values // _scale(image, data) if image.mode == "L" else values
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > IGNORED or not np.array_equal(values, values.astype(np.uint8)):
            message = f"holds values from {values.min()} to {values.max()}"
            raise ImageError(message, hint="class codes are whole numbers from 0 to 254, 255 is ignored")
        return values.astype(np.uint8)
    return _codes_of_bands(image, data)


def _scale(image: "Image", data: bytes) -> int:
    """Return what Pillow has multiplied grey values by.

    Raises:
        ImageError: a TIFF in which white is 0, which Pillow inverts; a BMP that Pillow misreads.
    """
    bits = _bits(image, data)
    if image.format == "TIFF" and image.tag_v2.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:  # type: ignore[attr-defined]
        message = f"is a TIFF of {bits} bits in which 0 is white: its class codes may be meant inverted"
        raise ImageError(message, hint="save it as PNG, or as TIFF in which 0 is black (BlackIsZero)")
    if image.format == "BMP" and bits < 8:
        raise ImageError(f"is a grey BMP of {bits} bits", hint="save it as PNG")
    return _SCALE.get(bits, 1)


def _bits(image: "Image", data: bytes) -> int:
    """Return how many bits a channel has in the file.

    Source: IHDR of a PNG, BITMAPINFOHEADER of a BMP, BitsPerSample of a TIFF.
    """
    if image.format == "PNG":
        return data[24]
    if image.format == "BMP":
        return int.from_bytes(data[28:30], "little")
    found = image.tag_v2.get(_TIFF_BITS, (8,)) if image.format == "TIFF" else (8,)  # type: ignore[attr-defined]
    return int(max(found)) if isinstance(found, tuple) else int(found)


def _codes_of_bands(image: "Image", data: bytes) -> "np.ndarray":
    """Return the codes of an image whose colour channels are equal; opaque where it has a code."""
    import numpy as np

    values = np.asarray(image)
    if image.mode not in ("LA", "RGB", "RGBA", "RGBX"):
        raise ImageError(f"is an image of mode {image.mode}", hint=_ONE_NUMBER)
    bits = _bits(image, data)
    if bits > 8 and (image.format != "BMP" or bits == 16):  # a BMP states the bits of a pixel
        message = f"has {len(image.getbands())} channels of {bits} bits"
        raise ImageError(message, hint=f"{_ONE_NUMBER}, of 8 or 16 bits and without transparency")
    if image.mode != "LA" and (values[..., :3] != values[..., :1]).any():
        raise ImageError(
            f"is an image in colour (mode {image.mode}), not a mask of class codes",
            hint=f"{_ONE_NUMBER}; or name each colour's class in labelmap.txt, a line 'name:red,green,blue::' each",
        )
    codes = np.ascontiguousarray(values[..., 0])
    if image.mode in ("LA", "RGBA"):
        _check_alpha(codes, values[..., -1])
    return codes


def _check_alpha(codes: "np.ndarray", alpha: "np.ndarray") -> None:
    """Refuse masks whose shapes are in their transparency: values alone would not show them."""
    if alpha.min() == 255:
        return
    if codes.min() == codes.max():
        raise ImageError("has one value in all pixels; its shapes are in the alpha channel", hint=_ONE_NUMBER)
    if (hidden := codes[(alpha < 255) & (codes > 0)]).size:
        message = f"has value {hidden.min()} in transparent pixels: value or transparency may be meant"
        raise ImageError(message, hint=f"{_ONE_NUMBER}, without an alpha channel")


def _palette_of(image: "Image", codes: "np.ndarray") -> bytes:
    import numpy as np

    if image.mode != "P":
        return b""
    entries = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
    entries = np.concatenate([entries, np.zeros((max(256 - len(entries), 0), 3), np.uint8)])
    return entries[np.flatnonzero(np.bincount(codes.ravel(), minlength=256))].tobytes()


def _codes_by_colour(image: "Image", colours: Colours) -> "np.ndarray":
    import numpy as np

    found = sorted((red << 16 | green << 8 | blue, code) for (red, green, blue), code in colours)
    known, codes = (np.array(column) for column in zip(*found, strict=True))
    packed = _pack_colours(image)
    at = np.searchsorted(known, packed).clip(max=len(known) - 1)
    is_unknown = known[at] != packed
    if is_unknown.any():
        value = int(packed[is_unknown].min())
        shown = f"{value >> 16},{value >> 8 & 255},{value & 255}"
        raise ImageError(f"colour {shown} in {is_unknown.sum():,} pixels is not in labelmap.txt", hint="add its line")
    return codes.astype(np.uint8)[at]


def _pack_colours(image: "Image") -> "np.ndarray":
    """Return (H, W) int32 of the colours shown: red << 16 | green << 8 | blue.

    Raises:
        ImageError: pixels that are transparent to some degree, or of more than 8 bits.
    """
    import numpy as np

    if image.mode not in ("1", "L", "P", "RGB", "RGBA", "LA"):
        raise ImageError(f"is an image of mode {image.mode}", hint="save it with 8 bits for red, green and blue")
    if image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema()[0] != 255:
        raise ImageError("has transparent pixels", hint="save it without an alpha channel")
    parts = np.asarray(image.convert("RGB"))
    packed: np.ndarray = np.zeros(parts.shape[:2], np.int32)
    for channel in range(3):  # in place: a large mask is not to be there three times
        packed <<= 8
        packed |= parts[..., channel]
    return packed
