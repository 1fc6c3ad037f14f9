"""What the columns of an unknown table hold: images by what they name, annotations by names and cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.inspect.path_column import path_column
from auto_train.data.readers import csv_boxes, csv_labels
from auto_train.data.readers.cells import are_lists, check_objects, is_object, names_in
from auto_train.data.readers.csv import MAX_NUMBERS
from auto_train.data.readers.csv_values import corners_in, share_of_numbers
from auto_train.data.readers.metadata import is_metadata, words_of
from auto_train.data.readers.numbers import check_decimals, check_units
from auto_train.data.readers.rows import MOSTLY_ONE, share_of_several, split_column
from auto_train.data.readers.table import Table
from auto_train.errors import DataError

# What people call the column of labels, the likeliest first. Not "labels": that holds several.
LABEL_NAMES = ("label", "class", "class_name", "category", "target", "species", "diagnosis", "digit", "y")
# Last words of further names, "name" and "id" behind them apart: ``tree_species``, ``category_id``.
LABEL_WORDS = ("label", "class", "category", "species", "diagnosis")

# In so many rows or more no word is a class if none is there twice.
EACH_ITS_OWN = 10

Keys = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What may annotate images.

    Attributes:
        images: the cells that name them.
        columns: the others, less those about the rows themselves.
        is_asked: whether the kind of annotations is.
        can_guess: whether cells alone may tell what a column holds.
    """

    images: list[str]
    columns: dict[str, list[str]]
    is_asked: bool
    can_guess: bool


def columns_for(
    table: Table, target: str | None = None, folder: Path | None = None, *, can_guess: bool = True
) -> tuple[str, Keys]:
    """Return what a table annotates images with, and the keys of [project.data] that name its columns.

    Args:
        target: kind of the annotations that is wanted; None: the first that fits. Numbers are not, while there is a
            column of words that repeat.
        folder: of the data; None: that of the table.
        can_guess: whether cells alone may tell what a column holds, whatever its name.

    Raises:
        DataError: none or several columns may be meant; no header; numbers with commas; JSON in place of names.
    """
    path = path_column(table, folder or table.path.parent)
    taken = {path, "split", "group", split_column(table)}
    columns = {name: cells for name, cells in table.columns.items() if name not in taken and any(cells)}
    about_rows = {name for name, cells in columns.items() if is_metadata(name, cells)}
    seen = _Seen(
        images=table.columns[path],
        columns={name: cells for name, cells in columns.items() if name not in about_rows},
        is_asked=target is not None,
        can_guess=can_guess,
    )
    for kind, find in _FINDERS:
        keys = find(seen) if target in (None, kind) else None
        if keys is not None:
            if kind == "values":
                _check_numbers(table, seen)
            return kind, {"path_column": path, **keys}
    _check_numbers(table, seen)
    raise _unclear(table, seen, target)


def _boxes(seen: _Seen) -> Keys | None:
    names = set(seen.columns)
    return {} if csv_boxes.OBJECTS in names or any(set(four) <= names for four in csv_boxes.CORNERS) else None


def _label(seen: _Seen) -> Keys | None:
    """Return the column with the name of a label, unless its numbers or its several names are none."""
    known = sorted((name for name in seen.columns if _rank(name) is not None), key=lambda name: _rank(name) or 0)
    known = [name for name in known if not _are_measurements(seen.columns[name])]
    is_one = known and (seen.is_asked or not _are_several(known[0], seen))
    return {"label_column": known[0]} if is_one else None


def _labels(seen: _Seen) -> Keys | None:
    """Return the column with the name of labels, or of one label with several in it."""
    known = [
        name
        for usual in csv_labels.LABEL_NAMES
        for name in seen.columns
        if usual in (name.lower(), (words_of(name) or [""])[-1])
    ]
    known += [name for name in seen.columns if _rank(name) is not None]
    fits = [name for name in known if share_of_numbers(seen.columns[name]) < 1 or _are_several(name, seen)]
    return {"label_column": fits[0]} if fits else None


def _flags(seen: _Seen) -> Keys | None:
    flags = [name for name, cells in seen.columns.items() if _are_flags(cells)]
    return {"label_column": flags} if len(flags) > 1 else None


def _flag(seen: _Seen) -> Keys | None:
    """Return the only column there is, of 0 and 1: two classes."""
    (name, *more) = [*seen.columns, ""]
    return {"label_column": name} if more == [""] and _are_flags(seen.columns[name]) else None


def _word_sets(seen: _Seen) -> Keys | None:
    words = _words(seen)
    fits = len(words) == 1 and (seen.is_asked or _are_several(words[0], seen))
    return {"label_column": words[0]} if fits else None


def _word(seen: _Seen) -> Keys | None:
    words = _words(seen)
    return {"label_column": words[0]} if len(words) == 1 else None


def _values(seen: _Seen) -> Keys | None:
    corners = corners_in([*seen.columns])
    numbers = [
        name for name, cells in seen.columns.items() if name not in corners and share_of_numbers(cells) > 0.5
    ]  # fmt: skip
    is_meant = seen.is_asked or not (_words(seen) or _objects(seen))
    return {"label_column": numbers} if numbers and is_meant else None


def _only(seen: _Seen) -> Keys | None:
    if len(seen.columns) != 1 or _objects(seen):
        return None
    (name, cells), *_ = seen.columns.items()
    different = len({*cells})
    is_text = different == len(cells) >= EACH_ITS_OWN
    return {"label_column": name} if different > 1 and not is_text else None


# Kinds of annotations and what finds their columns, in the order they are asked.
_FINDERS: tuple[tuple[str, Callable[[_Seen], Keys | None]], ...] = (
    ("boxes", _boxes),
    ("label", _label),
    ("labels", _labels),
    ("labels", _flags),
    ("label", _flag),
    ("labels", _word_sets),
    ("label", _word),
    ("values", _values),
    ("label", _only),
)


def _words(seen: _Seen) -> list[str]:
    """Return the columns of words that repeat: neither numbers nor a text for each image."""
    return [name for name, cells in seen.columns.items() if seen.can_guess and _do_repeat(cells)]


def _do_repeat(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    if share_of_numbers(filled) > 0.5 or any(map(is_object, filled)):
        return False
    names = [name for names in _sets(filled) for name in names]
    return 2 <= len(set(names)) <= len(names) / 2


def _sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the names in each cell: of lists, or with marks between them that no name has."""
    if are_lists(cells):
        return [names_in(cell)[0] for cell in cells]
    mark = next((mark for mark in "|;" if any(mark in cell for cell in cells)), "")
    if not mark and all(part.isdigit() for cell in cells for part in cell.split()):
        return [tuple(cell.split()) for cell in cells]
    return [tuple(cell.split(mark)) if mark else (cell,) for cell in cells]


def _are_several(name: str, seen: _Seen) -> bool:
    """Tell whether images have several names in a column, in one cell or in several rows."""
    cells = seen.columns[name]
    in_rows = share_of_several(seen.images, cells) > MOSTLY_ONE
    return in_rows or any(len(names) > 1 for names in _sets([cell for cell in cells if cell]))


def _objects(seen: _Seen) -> list[str]:
    return [name for name, cells in seen.columns.items() if any(map(is_object, cells))]


def _are_flags(cells: Sequence[str]) -> bool:
    return set(map(str.lower, cells)) <= csv_labels.FLAGS


def _are_measurements(cells: Sequence[str]) -> bool:
    """Tell whether there are too many different numbers for classes."""
    return share_of_numbers(cells) > 0.5 and len(set(cells)) > max(MAX_NUMBERS, len(cells) / 2)


def _rank(name: str) -> int | None:
    """Return the place of a name among those of labels, first for the likeliest; None for no such name."""
    plain = name.strip().lower()
    if plain in LABEL_NAMES:
        return LABEL_NAMES.index(plain)
    words = words_of(name)
    kind = words[-2] if len(words) > 1 and words[-1] in ("name", "id") else words[-1] if words else ""
    has_id = bool(words) and words[-1] == "id"
    return len(LABEL_NAMES) + LABEL_WORDS.index(kind) + len(LABEL_WORDS) * has_id if kind in LABEL_WORDS else None


def _check_numbers(table: Table, seen: _Seen) -> None:
    """Pass if no column is of numbers that their commas hide, or of JSON where nothing else is found.

    Raises:
        DataError: one is.
    """
    for name, cells in seen.columns.items():
        check_decimals(name, cells, str(table.path))
        check_units(name, cells, str(table.path))
    for name in _objects(seen):
        check_objects(name, table.columns[name], table.lines, str(table.path))


def _unclear(table: Table, seen: _Seen, target: str | None) -> DataError:
    columns = f"its columns are: {', '.join(table.columns)}"
    if target == "values":
        allowed = "columns of numbers that are no ids, dates, sizes of images or corners of boxes"
        return DataError("no column holds numbers to learn", where=str(table.path), allowed=allowed, hint=columns)
    words = _words(seen)
    flags = _flags(seen)
    if target == "label" and flags:
        message = f"the labels are columns of 0 and 1: {', '.join(flags['label_column'])}"
        hint = "--task multilabel reads them as they are; for classification write the one label into a column 'label'"
        return DataError(message, where=str(table.path), allowed="one column of labels", hint=hint)
    which = f": '{words[0]}' or '{words[1]}'" if len(words) > 1 else ""
    return DataError(
        f"it is not clear which column holds the labels{which}",
        where=str(table.path),
        allowed=f"one column of paths relative to the table, and one named {', '.join(LABEL_NAMES)}",
        hint=f"{columns}; call the one that is meant 'label'",
    )
