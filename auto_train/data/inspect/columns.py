"""What the columns of an unknown table hold: images by what they name, annotations by names and cells."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers import csv_boxes, csv_labels
from auto_train.data.readers.base import Options
from auto_train.data.readers.csv import MOST_NUMBERS
from auto_train.data.readers.csv_values import ROW_NUMBERS
from auto_train.data.readers.numbers import check_decimals, number_in
from auto_train.data.readers.places import Places
from auto_train.data.readers.table import Table
from auto_train.errors import DataError

# What people call the column of labels, the likeliest first. Not "labels": that holds several.
LABEL_NAMES = ("label", "class", "class_name", "category", "target", "species", "diagnosis", "digit", "y")
# Cells that tell a column of files.
CELLS = 50

Keys = dict[str, str | list[str]]


def columns_for(table: Table, target: str | None = None, folder: Path | None = None) -> tuple[str, Keys]:
    """Return what a table annotates images with, and the keys of [project.data] that name its columns.

    Args:
        target: kind of the annotations that is wanted; None: the first that fits.
        folder: of the data; None: that of the table.

    Raises:
        DataError: none or several columns may be meant; numbers have decimal commas.
    """
    place = folder or table.path.parent
    paths = [name for name, cells in table.columns.items() if _are_images(cells, table.path.parent, place)]
    others = {name: cells for name, cells in table.columns.items() if name not in (*paths, "split", "group")}
    for name, cells in others.items():
        if name not in csv_labels.LABEL_NAMES:  # there a comma may stand between two labels
            check_decimals(name, cells, str(table.path))
    kinds: dict[str, Callable[[dict[str, list[str]]], Keys | None]] = {
        "boxes": _boxes, "label": _label, "labels": _labels, "values": _values
    }  # fmt: skip
    for kind, find in kinds.items():
        found = find(others) if len(paths) == 1 and target in (None, kind) else None
        if found is not None:
            return kind, {"path_column": paths[0], **found}
    if len(paths) == 1 and len(others) == 1 and target in (None, "label"):
        return "label", {"path_column": paths[0], "label_column": next(iter(others))}
    what = "several columns name images" if len(paths) > 1 else "no column names images" if not paths else ""
    raise DataError(
        what or "it is not clear which column holds the labels",
        where=str(table.path),
        allowed=f"one column of paths relative to the table, and one named {', '.join(LABEL_NAMES)}",
        hint=f"its columns are: {', '.join(table.columns)}",
    )


def _boxes(columns: dict[str, list[str]]) -> Keys | None:
    names = set(columns)
    return {} if csv_boxes.OBJECTS in names or any(set(four) <= names for four in csv_boxes.CORNERS) else None


def _label(columns: dict[str, list[str]]) -> Keys | None:
    known = sorted((name for name in columns if name.strip().lower() in LABEL_NAMES), key=_rank)
    return {"label_column": known[0]} if known and not _are_measurements(columns[known[0]]) else None


def _labels(columns: dict[str, list[str]]) -> Keys | None:
    known = [name for name in csv_labels.LABEL_NAMES if name in columns and _share_of_numbers(columns[name]) < 1]
    if known:
        return {"label_column": known[0]}
    flags = [name for name, cells in columns.items() if set(map(str.lower, cells)) <= csv_labels.FLAGS and any(cells)]
    return {"label_column": flags} if len(flags) > 1 else None


def _values(columns: dict[str, list[str]]) -> Keys | None:
    numbers = [
        name for name, cells in columns.items() if name.lower() not in ROW_NUMBERS and _share_of_numbers(cells) > 0.5
    ]
    return {"label_column": numbers} if numbers else None


def _are_measurements(cells: Sequence[str]) -> bool:
    """Tell whether there are too many different numbers for classes."""
    return _share_of_numbers(cells) > 0.5 and len(set(cells)) > max(MOST_NUMBERS, len(cells) / 2)


def _share_of_numbers(cells: Sequence[str]) -> float:
    filled = [cell for cell in cells if cell]
    return sum(number_in(cell) is not None for cell in filled) / max(len(filled), 1)


def _rank(name: str) -> int:
    return LABEL_NAMES.index(name.strip().lower())


def _are_images(cells: Sequence[str], beside: Path, folder: Path) -> bool:
    """Tell whether most of the first cells name image files."""
    some = [cell for cell in cells if cell][:CELLS]
    if not sum(os.path.splitext(cell)[1].lower() in SUFFIXES for cell in some) > len(some) / 2:  # noqa: PTH122
        return False
    places = Places(folder, Options())
    return sum(not places.locate(cell, beside)[1] for cell in some) > len(some) / 2
