"""Tables of paths and labels (CSV, Parquet), Hugging Face ``imagefolder`` metadata among them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options, file_samples
from auto_train.data.readers.cells import are_lists, check_objects, names_in
from auto_train.data.readers.numbers import check_decimals, number_in
from auto_train.data.readers.rows import MISSING, NO_LABEL, SEVERAL, Row, find_tables, read_one_row_each, read_tables
from auto_train.errors import DataError, UsageError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "a CSV or Parquet table of paths and labels"
# So many different numbers, and of most of the images, are no classes.
MAX_NUMBERS = 20
SEVERAL_HINT = (
    "images with several labels are [project] type = multilabel (init: --task multilabel), which unites their rows; "
    "where the labels contradict each other, decide for one"
)


def detect(folder: Path, options: Options) -> bool:
    """Return True if a table with the columns of paths and labels lies in the folder or its split folders."""
    return bool(find_tables(folder, options, _has(_column(options))))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images a table names.

    Columns by name: path, label, and where they are there ``split`` and the group. Paths are relative to the table's
    folder or to the data folder. Tables named train, valid, test, or ``metadata`` in such folders, give the split.
    Labels stay text: ``007`` is not ``7``.
    """
    column = _column(options)
    tables = read_tables(folder, options, _has(column), allowed=f"columns '{options.path_column}' and '{column}'")

    cells = [cell for table, _ in tables for cell in table.column(column)]
    is_list = are_lists(cells)
    for table, _ in tables:
        check_objects(column, table.columns[column], table.lines, str(table.path))

    def label_of(row: Row) -> tuple[str, Sequence[str]]:
        cell = row.table.columns[column][row.number]
        names, wrong = names_in(cell) if is_list else ((cell,), "")
        label = "" if not names or names[0].lower() in MISSING else names[0]
        if wrong or len(names) > 1:
            return label, [wrong or f"{SEVERAL}: {', '.join(names)}"]
        return label, [] if label else [NO_LABEL]

    rows = read_one_row_each(tables, folder, options, label_of, several=SEVERAL_HINT)
    _check_classes(rows.values, column, ", ".join(str(table.path) for table, _ in tables))
    images = [(path, split, label, group) for (path, split, group), label in zip(rows.images, rows.values, strict=True)]
    return replace(file_samples(images, folder, rows.warnings), notes=rows.notes)


def _column(options: Options) -> str:
    if len(options.label_columns) > 1:
        allowed = "one column: an image has one class here"
        hint = "several labels for each image are [project] type = multilabel, several numbers regression"
        found = ", ".join(options.label_columns)
        raise UsageError(f"'{found}'", where="[project.data] label_column", allowed=allowed, hint=hint)
    return options.label_columns[0] if options.label_columns else "label"


def _has(column: str) -> Callable[[Sequence[str]], bool]:
    return lambda names: column in names


def _check_classes(labels: Sequence[str], column: str, where: str) -> None:
    """Pass if labels are classes, not measurements."""
    check_decimals(column, labels, where)
    numbers = [number_in(label) for label in labels]
    if any(number is None for number in numbers) or all(number == int(number) for number in numbers if number):
        return
    different = len(set(labels))
    if different > MAX_NUMBERS and different > len(labels) / 2:
        message = f"column '{column}' holds numbers, {different:,} different ones of {len(labels):,}: no classes"
        raise DataError(message, where=where, hint="to learn numbers: [project] type = regression")
