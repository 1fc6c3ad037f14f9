"""Pictures of what a finding is about, for the page: of boxes and masks with these drawn, of all else small ones."""

import base64
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from auto_train.data.doctor.finding import Finding, Item
from auto_train.data.draw import draw_boxes, draw_mask
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

# Of one finding: pictures, and those that are drawn on, which are larger.
MAX_PICTURES, MAX_DRAWN = 24, 12
# Pixels of a picture's longer side; smaller images keep their own.
PICTURE_SIDE, DRAWN_SIDE = 112, 480
# Ground that is shown around an image whose boxes reach outside, as a share of its side, and how grey it is.
_MAX_MARGIN, _MARGIN_GREY = 0.25, 90
# Findings besides those of boxes and masks whose pictures show the annotations.
_DRAWN = ("conflicting_labels",)


def pictures(finding: Finding, samples: Samples) -> list[list[tuple[int, str]]]:
    """Return the number of an item of a finding and its picture as a data URI, those that belong together in a list."""
    is_drawn = draws(finding, samples)
    most = MAX_DRAWN if is_drawn else MAX_PICTURES
    groups: dict[object, list[tuple[int, str]]] = {}
    for at, item, boxes in list(_by_row(finding))[:most]:
        picture = (_draw if is_drawn else _small)(samples, item, boxes)
        if picture is not None:
            key = item.row if item.group is None else ("group", item.group)
            groups.setdefault(key, []).append((at, _as_uri(picture)))
    return list(groups.values())


def draws(finding: Finding, samples: Samples) -> bool:
    """Tell whether the pictures of a finding show boxes or masks."""
    return isinstance(samples.targets, Boxes | Masks) and finding.code.startswith(("box_", "mask_", *_DRAWN))


def _by_row(finding: Finding) -> Iterator[tuple[int, Item, tuple[int, ...]]]:
    """Yield the first item of every image, its number, and all boxes of the image that are meant."""
    rows: dict[int, tuple[int, Item, list[int]]] = {}
    for at, item in enumerate(finding.items):
        if item.row is not None:
            rows.setdefault(item.row, (at, item, []))[2].extend(item.boxes)
    for at, item, boxes in rows.values():
        yield at, item, tuple(boxes)


def _small(samples: Samples, item: Item, boxes: tuple[int, ...]) -> "Image | None":
    """Return a small picture of an item; None where the image does not decode."""
    return None if item.row is None else _decode(samples, item.row, PICTURE_SIDE)


def _draw(samples: Samples, item: Item, boxes: tuple[int, ...]) -> "Image | None":
    from PIL import Image

    assert item.row is not None
    if (image := _decode(samples, item.row, DRAWN_SIDE)) is None:
        return None
    pixels, targets = np.asarray(image), samples.targets
    if isinstance(targets, Boxes):
        part = targets.of(item.row)
        numbers = list(boxes or range(part.start, part.stop))
        return Image.fromarray(_with_boxes(pixels, targets, numbers, samples.images.size(item.row)))
    assert isinstance(targets, Masks)
    try:
        mask = targets.sources[item.row].read()
    except (OSError, ImageError):
        return image
    return Image.fromarray(_with_mask(pixels, mask, targets, samples.images.size(item.row)))


def _decode(samples: Samples, row: int, side: int) -> "Image | None":
    from PIL import Image

    try:
        image = Image.fromarray(samples.images.reduce(side)[row])
    except ImageError:
        return None
    image.thumbnail((side, side))
    return image


def _with_boxes(pixels: np.ndarray, boxes: Boxes, numbers: list[int], size: tuple[int, int]) -> np.ndarray:
    """Draw boxes, with some ground around the image where they reach outside of it.

    Args:
        pixels: the image, made smaller.
        size: its width and height in full, which the boxes are in.
    """
    height, width = pixels.shape[:2]
    corners = boxes.corners[numbers].astype(np.float64) * np.tile([width / size[0], height / size[1]], 2)
    beyond = np.concatenate([-corners, corners - [width, height, width, height]])
    right, below = _margin(beyond[:, 0::2].max(initial=0), width), _margin(beyond[:, 1::2].max(initial=0), height)
    around = np.pad(pixels, ((below, below), (right, right), (0, 0)), constant_values=_MARGIN_GREY)
    names = [boxes.names[code] for code in boxes.codes[numbers].tolist()]
    return draw_boxes(around, corners + np.tile([right, below], 2), names, boxes.codes[numbers].tolist())


def _margin(beyond: float, side: int) -> int:
    return 0 if beyond <= 1 else round(min(1.1 * beyond, _MAX_MARGIN * side)) + 4


def _with_mask(pixels: np.ndarray, mask: np.ndarray, masks: Masks, size: tuple[int, int]) -> np.ndarray:
    """Draw a mask on its image, or of another size beside it."""
    from PIL import Image

    height, width = pixels.shape[:2]
    fits = mask.shape == size[::-1]
    wide = width if fits else max(1, round(height * mask.shape[1] / mask.shape[0]))
    shown = np.asarray(Image.fromarray(mask).resize((wide, height), Image.Resampling.NEAREST))
    if fits:
        return draw_mask(pixels, shown, masks.names)
    both = np.concatenate([pixels, np.zeros((height, wide, 3), np.uint8)], axis=1)
    return draw_mask(both, np.concatenate([np.zeros((height, width), np.uint8), shown], axis=1), masks.names)


def _as_uri(image: "Image") -> str:
    # JPEG would blur what has few pixels.
    format = "JPEG" if max(image.size) > PICTURE_SIDE // 2 else "PNG"
    file = io.BytesIO()
    image.save(file, format, quality=80)
    return f"data:image/{format.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
