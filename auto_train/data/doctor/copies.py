"""Checks between images: the same content, or much the same, twice, in several splits, under several labels."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from auto_train.data.doctor.finding import MAX_ITEMS, Finding, Item, item_of
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.near import group_near
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes, Masks, Values
from auto_train.errors import ImageError

# Pixels. Smaller images are too much alike to be told apart: of one digit on 28 x 28 pixels there are only so many.
MIN_SIDE = 32
_MAX_OF_GROUP = 6
# Of each content one copy stays: where it is measured rather than where it is trained on.
_RANK = {"test": 0, "valid": 1, "train": 2}


def check_copies(samples: Samples, looks: Looks) -> list[Finding]:
    """Find contents that are there more than once, exactly or nearly."""
    rows = looks.whole
    contents = pd.factorize(np.array([looks.sums[row] for row in rows], dtype=object))[0]
    if len(rows) < 2:
        return []
    if contents.max() == 0:
        items = tuple(item_of(samples, row, "", 0) for row in rows[:_MAX_OF_GROUP])
        return [Finding(code="all_identical", count=len(rows), items=items)]
    return [*_find_exact(samples, rows, contents), *_find_near(samples, looks, rows, contents)]


def _find_exact(samples: Samples, rows: np.ndarray, contents: np.ndarray) -> list[Finding]:
    is_copy = np.bincount(contents)[contents] > 1
    if not is_copy.any():
        return []
    frame = _group_rows(samples, rows[is_copy], contents[is_copy])
    if isinstance(samples.targets, Masks):  # two files of other bytes may say the same
        frame["label"] = [_content(samples.targets, row) for row in frame["row"]]
        frame["labels"] = frame.groupby("group")["label"].transform("nunique")
    extra = frame["row"][frame.duplicated("group")]
    return [
        *_make_finding("conflicting_labels", samples, frame[frame["labels"] > 1], leave_out=frame["row"]),
        *_make_finding("duplicate_across_splits", samples, frame[frame["splits"] > 1], leave_out=extra),
        *_make_finding("duplicate", samples, frame[(frame["splits"] == 1) & (frame["labels"] == 1)], leave_out=extra),
    ]


def _content(masks: Masks, row: int) -> str:
    """Return what is equal for masks of equal pixels."""
    try:
        mask = masks.sources[row].read()
    except (OSError, ImageError):
        return f"unreadable {row}"
    return f"{mask.shape} {hashlib.sha256(mask.tobytes()).hexdigest()}"


def _find_near(samples: Samples, looks: Looks, rows: np.ndarray, contents: np.ndarray) -> list[Finding]:
    first = np.unique(contents, return_index=True)[1]
    is_large = looks.sizes[rows[first]].min(axis=1) >= MIN_SIDE
    groups = np.full(len(first), -1)
    groups[is_large] = group_near(looks.thumbs[rows[first[is_large]]])
    is_near = groups[contents] >= 0
    if not is_near.any():
        return []
    frame = _group_rows(samples, rows[is_near], groups[contents[is_near]])
    if isinstance(samples.targets, Boxes | Masks | Values):  # what looks alike may well differ a little in these
        frame["labels"] = 1
    extra = frame["row"][frame.duplicated("group")]
    return [
        *_make_finding("near_conflicting_labels", samples, frame[frame["labels"] > 1], "looks like"),
        *_make_finding(
            "near_duplicate_across_splits", samples, frame[frame["splits"] > 1], "looks like", leave_out=extra
        ),
        *_make_finding("near_duplicate", samples, frame[(frame["splits"] == 1) & (frame["labels"] == 1)], "looks like"),
    ]


def _group_rows(samples: Samples, rows: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """Return a row for each image, groups together, first what stays, and how many labels and splits its group has."""
    table = samples.table.iloc[rows]
    frame = pd.DataFrame({"row": rows, "group": groups, "rank": table["split"].map(_RANK).fillna(3).to_numpy()})
    frame["label"], frame["split"] = table["label"].to_numpy(), table["split"].to_numpy()
    frame = frame.sort_values(["group", "rank", "row"], ignore_index=True)
    by = frame.groupby("group")
    return frame.assign(labels=by["label"].transform("nunique"), splits=by["split"].transform("nunique"))


def _make_finding(
    code: str,
    samples: Samples,
    frame: pd.DataFrame,
    likeness: str = "same content as",
    *,
    leave_out: Sequence[int] | pd.Series = (),
) -> list[Finding]:
    """Return the finding about these groups of images.

    Args:
        leave_out: rows of these and of other groups.
    """
    if frame.empty:
        return []
    shown = frame.groupby("group").head(_MAX_OF_GROUP).head(MAX_ITEMS)
    items: list[Item] = []
    for group, rows in enumerate(part["row"].tolist() for _, part in shown.groupby("group")):
        first = item_of(samples, rows[0], "", group)
        named = f"{likeness} {first.path} ({first.split}, {first.label})"
        items += [first, *(item_of(samples, row, named, group) for row in rows[1:])]
    chosen = tuple(sorted(set(frame["row"].tolist()) & {int(row) for row in leave_out}))
    return [Finding(code=code, count=len(frame), items=tuple(items), leave_out=chosen)]
