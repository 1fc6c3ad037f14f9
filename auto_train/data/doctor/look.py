"""One look at one image: whether it is whole, what its header says, what it is in 16 x 16 grey pixels."""

import errno
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from auto_train.data.image import decode_with_header
from auto_train.errors import ImageError, ImageTooLargeError

# Of the small grey picture that is remembered of each image and compared.
SIDE = 16
# A JPEG may be decoded at a fraction of its size that leaves this much; it is read to its end all the same.
_MIN_SIDE = 32
_TOO_SHORT = re.compile("truncat|premature|unexpected end|not enough", re.IGNORECASE)
# Weights of red, green and blue in grey. Source: ITU-R BT.601, as Pillow's convert("L").
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


class Look(NamedTuple):
    """What was seen of an image that decodes.

    Attributes:
        width, height: of the upright image, pixels.
        mode, format: see :class:`auto_train.data.image.Header`; "" where the image is in memory.
        orientation: EXIF, 1 to 8.
        thumb: SIDE x SIDE bytes of grey, from 0 to 255.
        peak: of an image of 16 bits its largest value, scaled to 0 to 255; else 255.
    """

    width: int
    height: int
    mode: str
    format: str
    orientation: int
    thumb: bytes
    peak: int = 255


class Problem(NamedTuple):
    """Why an image cannot be used: a code of KINDS, and what was found."""

    code: str
    message: str


def look_at(path: Path) -> Look | Problem:
    """Return what is seen of an image file, decoded once; or what is wrong with it."""
    from PIL import Image

    try:
        header, pixels = decode_with_header(path.read_bytes(), min_side=_MIN_SIDE)
    except (OSError, ImageError) as error:
        return problem_of(error)
    grey = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    peak = int(pixels.max()) if "16" in header.mode else 255
    return Look(header.width, header.height, header.mode, header.format, header.orientation, grey.tobytes(), peak)


def look_at_arrays(images: Sequence[np.ndarray]) -> list[Look]:
    """Return what is seen of images in memory.

    Args:
        images: (H, W) or (H, W, 3) uint8 each.
    """
    looks: dict[int, Look] = {}
    for shape in {image.shape for image in images}:
        alike = [i for i, image in enumerate(images) if image.shape == shape]
        for i, thumb in zip(alike, shrink(np.stack([images[i] for i in alike])), strict=True):
            looks[i] = Look(shape[1], shape[0], "", "", 1, thumb.tobytes())
    return [looks[i] for i in range(len(images))]


def shrink(images: np.ndarray) -> np.ndarray:
    """Return the mean grey of each field of a SIDE x SIDE grid.

    Args:
        images: (N, H, W) or (N, H, W, 3) uint8.

    Returns:
        (N, SIDE, SIDE) uint8.
    """
    grey = images @ _GREY if images.ndim == 4 else images.astype(np.float32)
    rows, columns = (_shares(side) for side in grey.shape[1:])
    return np.rint(rows @ grey @ columns.T).astype(np.uint8)


def problem_of(error: OSError | ImageError) -> Problem:
    """Return the kind of what went wrong when a file was read or decoded."""
    if isinstance(error, ImageError):
        return Problem(_code_of(error), error.message)
    if isinstance(error, PermissionError):
        return Problem("not_allowed", "permission denied")
    if isinstance(error, FileNotFoundError) or error.errno == errno.ELOOP:
        return Problem("missing", error.strerror or str(error))
    return Problem("unreadable", f"cannot be read: {error.strerror or error}")


def _code_of(error: ImageError) -> str:
    if isinstance(error, ImageTooLargeError):
        return "too_large"
    if error.message.startswith("is empty"):
        return "empty"
    if error.message.startswith("is no image"):
        return "not_an_image"
    if "which is not decoded" in error.message:
        return "not_decoded"
    return "truncated" if _TOO_SHORT.search(error.message) else "unreadable"


def _shares(side: int) -> np.ndarray:
    """Return what each of ``side`` pixels contributes to each of SIDE fields, (SIDE, side)."""
    edges = np.linspace(0, side, SIDE + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(overlap, 0, None) * SIDE / side).astype(np.float32)
