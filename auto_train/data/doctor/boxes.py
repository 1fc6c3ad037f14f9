"""Checks of boxes: of an image of another size, swapped, without area, outside, the same twice, tiny, none at all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from auto_train.data.doctor.finding import MAX_ITEMS, Finding, Item, of_classes, of_rows
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.sizes import describe_other_size
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes

# Pixels by which a box may be larger than the image: formats count from 0 or from 1, and round.
SLACK = 1.0
# A shorter side of less than this many pixels, or this share of the image's longer one, leaves a model little to see.
MIN_SIDE, MIN_SHARE = 4.0, 0.01
_ERRORS = ("box_swapped", "box_far_outside")


def check_boxes(samples: Samples, looks: Looks) -> list[Finding]:
    """Find what is wrong with single boxes."""
    boxes = samples.targets
    if not isinstance(boxes, Boxes):
        return []
    found = _states(boxes, looks)
    return [
        *of_rows("box_image_size", samples, _find_other_sizes(boxes, looks), leaves_out=True),
        *(
            finding
            for code, chosen in found.items()
            for finding in _make_finding(code, samples, boxes, looks, chosen, leaves_out=code in _ERRORS)
        ),
    ]


def check_box_splits(samples: Samples, looks: Looks) -> list[Finding]:
    """Find splits without a box, and images without one."""
    boxes = samples.targets
    if not isinstance(boxes, Boxes):
        return []
    counts = np.bincount(_rows_of(boxes)[~boxes.is_crowd], minlength=len(boxes))
    splits = samples.table["split"].to_numpy()
    bare = [
        Item(split=split, message=f"{int((splits == split).sum()):,} images in {split}, and not one box")
        for split in ("train", "valid")
        if (splits == split).any() and not counts[splits == split].any()
    ]
    without = [(row, "") for row in np.flatnonzero(boxes.counts == 0).tolist() if row not in looks.problems]
    return [*of_classes("no_boxes", bare), *of_rows("image_without_boxes", samples, without)]


def _states(boxes: Boxes, looks: Looks) -> dict[str, np.ndarray]:
    """Return for each code which boxes it is true of, (M,) bool."""
    rows = _rows_of(boxes)
    limits = np.tile(looks.sizes[rows].astype(np.float64), 2)
    corners = boxes.corners.astype(np.float64)
    sides = corners[:, 2:] - corners[:, :2]
    is_known = limits[:, 0] > 0  # of images that can be used
    swapped = (sides < 0).any(axis=1)
    zero = ~swapped & (sides == 0).any(axis=1)
    plain = is_known & ~swapped & ~zero
    far = plain & ((corners[:, 2:] <= 0).any(axis=1) | (corners[:, :2] >= limits[:, :2]).any(axis=1))
    beyond = ((corners < -SLACK) | (corners > limits + SLACK)).any(axis=1)
    first = plain & ~far & (corners >= 0).all(axis=1) & (corners <= 1).all(axis=1) & (limits > MIN_SIDE).all(axis=1)
    smallest = np.maximum(MIN_SIDE, MIN_SHARE * limits.max(axis=1, initial=0))
    return {
        "box_swapped": swapped,
        "box_far_outside": far,
        "box_zero_area": zero,
        "box_outside": plain & ~far & beyond,
        "box_share": first,
        "box_duplicate": ~swapped & ~zero & _find_repeated(boxes, rows),
        "box_tiny": plain & ~far & ~first & ~boxes.is_crowd & (sides.min(axis=1, initial=np.inf) < smallest),
    }


def _find_other_sizes(boxes: Boxes, looks: Looks) -> list[tuple[int, str]]:
    """Return the rows with boxes whose file says that their image has another size than it has, with both sizes."""
    if boxes.sizes is None:
        return []
    is_known = (boxes.sizes > 0).all(axis=1) & (looks.sizes > 0).all(axis=1)
    rows = np.flatnonzero((boxes.counts > 0) & is_known & (boxes.sizes != looks.sizes).any(axis=1))
    return [
        (row, f"{boxes.files[row]}: {describe_other_size(boxes.sizes[row].tolist(), looks, row)}")
        for row in rows.tolist()
    ]


def _rows_of(boxes: Boxes) -> np.ndarray:
    """Return the row of each box, (M,)."""
    return np.repeat(np.arange(len(boxes)), boxes.counts)


def _find_repeated(boxes: Boxes, rows: np.ndarray) -> np.ndarray:
    """Return which boxes are there before in the same image, of the same class, (M,) bool."""
    frame = pd.DataFrame(boxes.corners).assign(row=rows, code=boxes.codes)
    return frame.duplicated().to_numpy()


def _make_finding(
    code: str, samples: Samples, boxes: Boxes, looks: Looks, chosen: np.ndarray, *, leaves_out: bool = False
) -> list[Finding]:
    """Return the finding about these boxes; none where there are none.

    Args:
        leaves_out: the exclude list names their images.
    """
    numbers, rows = np.flatnonzero(chosen), _rows_of(boxes)
    if not len(numbers):
        return []
    items = tuple(_item(samples, boxes, looks, int(rows[number]), number) for number in numbers[:MAX_ITEMS].tolist())
    leave_out = tuple(np.unique(rows[numbers]).tolist()) if leaves_out else ()
    return [Finding(code=code, count=len(numbers), items=items, leave_out=leave_out)]


def _item(samples: Samples, boxes: Boxes, looks: Looks, row: int, number: int) -> Item:
    path, split = (str(samples.table[name].iat[row]) for name in ("path", "split"))
    width, height = looks.sizes[row].tolist()
    place = f"{_numbers(boxes.corners[number].tolist())} of {width} x {height} pixels"
    line = int(boxes.lines[number])
    file = ":".join(filter(None, [boxes.files[row], str(line or "")])) if boxes.files[row] else ""
    label = boxes.names[int(boxes.codes[number])]
    message = ", ".join(filter(None, [f"{label} {place}", file]))
    return Item(path=path, split=split, label=label, message=message, row=row, boxes=(number,))


def _numbers(values: Sequence[float]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
