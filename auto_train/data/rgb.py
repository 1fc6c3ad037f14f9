"""A Pillow image as upright uint8 RGB, band by band, so that the whole is never there in a third and fourth copy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike
    from PIL.Image import Image

# Of a band that is converted at one time.
_BAND_PIXELS = 1_000_000
# Three bytes as one value: turned three times as fast as three values.
_PIXEL = "V3"


def rgb_array(image: "Image", orientation: int, *, format: str = "") -> "np.ndarray":
    """Return the pixels of an image that was loaded.

    Args:
        orientation: EXIF, 1 to 8.
        format: of the file the image came from; it tells how CMYK is meant.

    Returns:
        (H, W, 3) uint8 RGB, upright, on white.

    Raises:
        ValueError: a mode without a defined range.
    """
    import numpy as np

    check_mode(image.mode)
    pixels, stored = _empty(image.height, image.width, orientation, _PIXEL)
    # Pillow inverts every CMYK JPEG; only Adobe's are stored inverted (Skia and libvips look at the marker too)
    is_inverted = image.mode == "CMYK" and format == "JPEG" and "adobe" not in image.info
    for left, top, right, bottom in _bands(image.width, image.height):
        is_whole = (right - left, bottom - top) == image.size
        band = image if is_whole else image.crop((left, top, right, bottom))
        rgb = np.asarray(_to_rgb(band, is_inverted=is_inverted))
        stored[top:bottom, left:right] = rgb.view(_PIXEL)[..., 0]
    return pixels.view(np.uint8).reshape(*pixels.shape, 3)


def turn_upright(pixels: "np.ndarray", orientation: int) -> "np.ndarray":
    """Return pixels the way EXIF's orientation says they are meant to be seen.

    Args:
        pixels: (H, W, 3) uint8 RGB, or (H, W) uint8 class codes.
        orientation: 1 to 8.
    """
    import numpy as np

    if orientation == 1:
        return pixels
    values = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels).view(_PIXEL)[..., 0]
    turned, stored = _empty(values.shape[0], values.shape[1], orientation, values.dtype)
    stored[:] = values
    return turned if pixels.ndim == 2 else turned.view(np.uint8).reshape(*turned.shape, 3)


def _empty(height: int, width: int, orientation: int, type: "DTypeLike") -> "tuple[np.ndarray, np.ndarray]":
    """Return an array for upright pixels, and a view (height, width) of it in the order of the file."""
    import numpy as np

    whole: np.ndarray = np.empty((width, height) if orientation >= 5 else (height, width), type)
    if orientation == 1:
        return whole, whole
    views = {
        2: whole[:, ::-1],
        3: whole[::-1, ::-1],
        4: whole[::-1],
        5: whole.T,
        6: np.rot90(whole),
        7: whole.T[::-1, ::-1],
        8: np.rot90(whole, -1),
    }
    return whole, views[orientation]


def check_mode(mode: str) -> None:
    """Refuse a mode whose values have no known range.

    Raises:
        ValueError: 32 bits.
    """
    if mode in ("I", "F"):
        raise ValueError(f"mode '{mode}' (32 bits) has no defined range; save it with 8 or 16 bits")


def _bands(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    columns = min(width, _BAND_PIXELS)
    rows = max(1, _BAND_PIXELS // columns)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield left, top, min(left + columns, width), min(top + rows, height)


def _to_rgb(image: "Image", *, is_inverted: bool) -> "Image":
    from PIL import Image, ImageChops

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        # 65,535 becomes 255; Pillow's own convert() clips at 255 instead
        return Image.fromarray(_to_8_bit(image)).convert("RGB")
    if is_inverted:
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
