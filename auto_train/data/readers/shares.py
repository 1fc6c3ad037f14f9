"""Boxes whose numbers are shares of their image, in formats that have pixels."""

from collections.abc import Sequence
from dataclasses import replace

from auto_train.data.image import image_size
from auto_train.data.readers.annotated import AnnotatedImage
from auto_train.errors import ImageError

# Share of a side by which a box may reach beyond its image.
SLACK = 0.1


def are_shares(rows: Sequence[AnnotatedImage]) -> bool:
    """Tell whether all corners lie between 0 and 1, not only at them: no box is so small in pixels."""
    corners = [value for row in rows for box in row.boxes for value in box[1:5]]
    return any(value % 1 for value in corners) and all(-SLACK <= value <= 1 + SLACK for value in corners)


def scale_to_pixels(rows: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
    """Return rows whose corners are shares with corners in pixels; without boxes where the image cannot be read.

    What the file says of the image's size does not matter then, and is left out.
    """
    from auto_train.data.parallel import create_pool, map_in_order

    with create_pool("sizes") as pool:
        return list(map_in_order(pool, _scale, rows, ahead=256))


def _scale(row: AnnotatedImage) -> AnnotatedImage:
    try:
        width, height = image_size(row.path)
    except (ImageError, OSError):  # the doctor names it
        return replace(row, boxes=(), size=(0, 0))
    boxes = [
        box._replace(left=box.left * width, top=box.top * height, right=box.right * width, bottom=box.bottom * height)
        for box in row.boxes
    ]
    return replace(row, boxes=boxes, size=(0, 0))
