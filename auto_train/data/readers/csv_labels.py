"""Tables of paths and any number of labels: separated in one column, or a column of 0 and 1 for each class."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.cells import are_lists, check_objects, names_in
from auto_train.data.readers.classes import explain_unknown_class
from auto_train.data.readers.numbers import number_in
from auto_train.data.readers.rows import (
    MISSING,
    MOSTLY_ONE,
    Row,
    Rows,
    find_tables,
    path_columns,
    read_one_row_each,
    read_tables,
    share_of_several,
)
from auto_train.data.readers.table import Table
from auto_train.data.targets import LabelSets
from auto_train.errors import DataError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "a CSV or Parquet table of paths and labels, or of 0 and 1 for each class"
# Names of the column that holds all labels, the likeliest first.
LABEL_NAMES = ("labels", "label", "tags", "classes", "categories")
SEPARATORS = {"|": "'|'", ";": "';'", ",": "a comma", None: "a space"}
_YES, _NO = ("1", "1.0", "true", "t", "yes", "y"), ("0", "0.0", "false", "f", "no", "n")
FLAGS = {*_YES, *_NO}

Sets = tuple[Rows[tuple[str, ...]], list[str], str]


def detect(folder: Path, options: Options) -> bool:
    """Return True if a table with a column of paths and one more lies in the folder or its split folders."""
    return bool(_find(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images a table names with their labels; an empty cell says that there are none.

    Labels are separated by ``|``, ``;``, a comma or a space: the first of them that occurs in the column, or with which
    all labels are among the classes of the INI. Columns of 0 and 1 are classes in the order of the columns.
    """
    allowed = "a column of paths, and one of labels or one of 0 and 1 for each class,"
    tables = read_tables(folder, options, _fits(folder, options), allowed=allowed)
    columns = _columns([table for table, _ in tables], options)
    one = columns[0] if len(columns) == 1 else ""
    rows, names, note = _split_labels(tables, one, folder, options) if one else _flags(tables, columns, folder, options)
    if not names:
        where = ", ".join(str(table.path) for table, _ in tables)
        raise DataError("no image has a label", where=where, hint="name the column in [project.data] label_column")
    targets = LabelSets(sets=rows.values)
    notes = [note, *rows.notes]
    if not one and all(len(found) == 1 for found in rows.values):
        notes.append(
            "each image has 1 in one column only; a column with that one's name would make it a classification"
        )
    return target_samples(rows.images, targets, names, folder, warnings=rows.warnings, notes=notes)


def _fits(folder: Path, options: Options) -> Callable[[Sequence[str]], bool]:
    """Return what tells a table of labels by its columns: a named or usual one, or else any."""

    def has_named(names: Sequence[str]) -> bool:
        return set(options.label_columns) <= set(names) if options.label_columns else _usual(names) is not None

    def has_more(names: Sequence[str]) -> bool:
        return len(set(names) - set(path_columns(options)) - {"split", "group"}) > 0

    return has_named if options.label_columns or find_tables(folder, options, has_named) else has_more


def _find(folder: Path, options: Options) -> dict[Path, str]:
    return find_tables(folder, options, _fits(folder, options))


def _usual(names: Sequence[str]) -> str | None:
    return next((name for name in LABEL_NAMES if name in names), None)


def _columns(tables: Sequence[Table], options: Options) -> Sequence[str]:
    """Return the column of labels, or those of classes."""
    shared = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
    if options.label_columns:
        return options.label_columns
    if (usual := _usual(shared)) is not None:
        return [usual]
    if options.classes and set(options.classes) <= set(shared):
        return options.classes
    taken = {*path_columns(options), "split", "group", options.group_column}
    flags = [name for name in shared if name not in taken and _are_flags([table.columns[name] for table in tables])]
    if flags:
        return flags
    raise DataError(
        "no column holds labels",
        where=", ".join(str(table.path) for table in tables),
        allowed=f"a column named {', '.join(LABEL_NAMES)}, or one of 0 and 1 for each class",
        hint=f"name it in [project.data] label_column; there are: {', '.join(shared)}",
    )


def _are_flags(columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether most of the cells are 0 or 1: then the others are mistakes."""
    cells = [cell.lower() for column in columns for cell in column if cell]
    return sum(cell in (*_YES, *_NO) for cell in cells) > len(cells) / 2


def _flags(tables: Sequence[tuple[Table, str]], columns: Sequence[str], folder: Path, options: Options) -> Sets:
    for table, _ in tables:
        for name in columns:
            table.column(name)  # tells what is there instead

    def names_of(row: Row) -> tuple[tuple[str, ...], Sequence[str]]:
        cells = [(name, row.table.columns[name][row.number]) for name in columns]
        wrong = [
            f"'{cell}' in column '{name}' is neither 0 nor 1"
            for name, cell in cells
            if cell.lower() not in (*_YES, *_NO)
        ]
        return tuple(sorted(name for name, cell in cells if cell.lower() in _YES)), wrong

    rows = read_one_row_each(tables, folder, options, names_of, unite=_union)
    names = [*options.classes] if set(options.classes) == set(columns) else [*columns]
    return rows, names, f"{len(columns)} columns of 0 and 1 are a class each"


def _split_labels(tables: Sequence[tuple[Table, str]], column: str, folder: Path, options: Options) -> Sets:
    cells = [cell for table, _ in tables for cell in table.column(column)]
    is_list = are_lists(cells)
    for table, _ in tables:
        check_objects(column, table.columns[column], table.lines, str(table.path))
    images = [cell for table, _ in tables for cell in table.column(*path_columns(options))]
    is_plain = is_list or (
        share_of_several(images, cells) > MOSTLY_ONE and not any(set("|;") & {*cell} for cell in cells)
    )
    separator = "" if is_plain else _separator(cells, options.classes)

    def names_of(row: Row) -> tuple[tuple[str, ...], Sequence[str]]:
        cell = row.table.columns[column][row.number]
        listed, problem = names_in(cell) if is_list else (_split(cell, separator), "")
        found = tuple(sorted(set(listed)))
        wrong = [problem] if problem else []
        wrong += [text for name in found if (text := explain_unknown_class(name, options.classes))]
        wrong += [f"'{name}' is a number, no label" for name in found if "." in name and number_in(name) is not None]
        return found, wrong

    rows = read_one_row_each(tables, folder, options, names_of, unite=_union)
    names = [*options.classes] or sorted({name for found in rows.values for name in found})
    shown = f", separated by {SEPARATORS[separator]}" if separator in SEPARATORS else ", as lists" if is_list else ""
    return rows, names, f"column '{column}' holds the labels of an image{shown}"


def _union(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*left, *right}))


def _separator(cells: Sequence[str], classes: Sequence[str]) -> str | None:
    """Return what separates labels: a character, None for blanks, "" for nothing."""
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    if classes:
        for separator in ("", *SEPARATORS):
            if all(name in classes for cell in filled for name in _split(cell, separator)):
                return separator
    return next((mark for mark in SEPARATORS if mark and any(mark in cell for cell in filled)), None)


def _split(cell: str, separator: str | None) -> tuple[str, ...]:
    if cell.lower() in MISSING:
        return ()
    parts = [cell] if separator == "" else cell.split(separator)
    return tuple(sorted({part.strip() for part in parts} - {""}))
