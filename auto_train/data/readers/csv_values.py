"""Tables of paths and one or several numbers, each a column; ``age [years]`` has the unit with its name."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.csv_boxes import CORNERS
from auto_train.data.readers.metadata import is_metadata
from auto_train.data.readers.numbers import check_decimals, number_in
from auto_train.data.readers.rows import Row, find_tables, path_columns, read_one_row_each, read_tables
from auto_train.data.readers.table import Table
from auto_train.data.targets import Values
from auto_train.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "a CSV or Parquet table of paths and numbers"
_UNIT = re.compile(r"(?P<name>.*\S)\s*\[(?P<unit>[^\[\]]*)\]")
# Share of numbers up to which a column is one of text.
MOSTLY_TEXT = 0.1
SEVERAL_HINT = "an image with several numbers: write their mean, or each into a column of its own"


def detect(folder: Path, options: Options) -> bool:
    """Return True if a table with a column of paths and one more lies in the folder or its split folders."""
    return bool(find_tables(folder, options, lambda names: _fits(names, options)))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images a table names with their numbers.

    The columns are those of ``label_columns``, with or without their unit; none named: all that hold numbers, but for
    ids, dates, durations and the corners of boxes. Every cell has to be a finite number.
    """
    allowed = "a column of paths and columns of numbers"
    tables = read_tables(folder, options, lambda names: _fits(names, options), allowed=allowed)
    columns, notes = _columns([table for table, _ in tables], options)

    def values_of(row: Row) -> tuple[tuple[float, ...], Sequence[str]]:
        cells = [(column, row.table.columns[column][row.number]) for column in columns]
        wrong = [f"'{cell}' in column '{name}' is no number" for name, cell in cells if number_in(cell) is None]
        return tuple(number_in(cell) or 0.0 for _, cell in cells), wrong

    import numpy as np

    rows = read_one_row_each(tables, folder, options, values_of, several=SEVERAL_HINT)
    names, units = zip(*map(_name_and_unit, columns), strict=True)
    targets = Values(names=names, units=units, array=np.array(rows.values, dtype=np.float64))
    return target_samples(rows.images, targets, names, folder, warnings=rows.warnings, notes=[*notes, *rows.notes])


def _fits(names: Sequence[str], options: Options) -> bool:
    wanted = options.label_columns or options.classes
    if wanted:
        return all(_find(name, names) is not None for name in wanted)
    return len(set(names) - _list_taken(options)) > 0


def _list_taken(options: Options) -> set[str]:
    return {*path_columns(options), "split", "group", options.group_column or ""}


def _name_and_unit(column: str) -> tuple[str, str]:
    match = _UNIT.fullmatch(column)
    return (match["name"], match["unit"].strip()) if match else (column, "")


def _find(name: str, columns: Sequence[str]) -> str | None:
    """Return the column of a name that may be without its unit."""
    if name in columns:
        return name
    return next((column for column in columns if _name_and_unit(column)[0] == name), None)


def _columns(tables: Sequence[Table], options: Options) -> tuple[list[str], list[str]]:
    """Return the columns to learn, and what was understood.

    Raises:
        DataError: a column is not there, or holds no numbers.
    """
    where = ", ".join(str(table.path) for table in tables)
    shared = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
    if wanted := options.label_columns or options.classes:
        found = {name: _find(name, shared) for name in wanted}
        if missing := [name for name, column in found.items() if column is None]:
            hint = "name the columns in [project.data] label_column"
            allowed = did_you_mean(missing[0], shared)
            raise DataError(f"has no column '{missing[0]}'", where=where, allowed=allowed, hint=hint)
        columns = [column for column in found.values() if column is not None]
        for column in columns:
            _check_kind(column, tables)
        return columns, []
    unnamed = [name for name in shared if name not in _list_taken(options) and name]
    aside = {name for name in unnamed if is_metadata(name)} | corners_in(shared)
    others = [name for name in unnamed if name not in aside]
    columns = [name for name in others if share_of_numbers(_cells(name, tables)) > 0.5]
    for name in others:  # a number that its marks hide is no reason to learn the others only
        if name not in columns:
            check_decimals(name, _cells(name, tables), where)
    if not columns:
        hint = f"name them in [project.data] label_column; there are: {', '.join(shared)}"
        raise DataError("no column holds numbers", where=where, allowed="one or more columns of numbers", hint=hint)
    for name in others:
        _check_mix(name, tables, columns)
    left = [name for name in others if name not in columns]
    numbers = [name for name in unnamed if name in aside and share_of_numbers(_cells(name, tables)) > 0.5]
    notes = [f"learnt are the columns of numbers: {', '.join(columns)}"]
    notes += [f"not learnt is what holds no numbers: {', '.join(left)}"] if left else []
    notes += [f"not learnt are ids, dates, sizes: {', '.join(numbers)}; label_column names what is"] if numbers else []
    return columns, notes


def corners_in(names: Sequence[str]) -> set[str]:
    """Return the columns that are corners of boxes, four of them and an image's size beside them."""
    four = next((corners for corners in CORNERS if set(corners) <= set(names)), ())
    return {*four, *({"width", "height"} & set(names) if four else ())}


def share_of_numbers(cells: Sequence[str]) -> float:
    """Return the share of numbers among the cells that are filled."""
    filled = [cell for cell in cells if cell]
    return sum(number_in(cell) is not None for cell in filled) / max(len(filled), 1)


def _cells(column: str, tables: Sequence[Table]) -> list[str]:
    return [cell for table in tables for cell in table.columns[column]]


def _check_mix(column: str, tables: Sequence[Table], learnt: Sequence[str]) -> None:
    """Pass if a column that is not learnt is no column of numbers with much else in it.

    Raises:
        DataError: a part of its cells are numbers.
    """
    cells = [
        (table, line, cell) for table in tables for line, cell in zip(table.lines, table.columns[column], strict=True)
    ]
    numbers = sum(number_in(cell) is not None for *_, cell in cells)
    if column in learnt or not numbers / max(len(cells), 1) > MOSTLY_TEXT:
        return
    table, line, cell = next(one for one in cells if one[2] and number_in(one[2]) is None)
    message = f"'{cell}' in column '{column}' is no number, and {numbers} of its {len(cells)} cells are numbers"
    hint = f"correct them, or name the columns to learn in [project.data] label_column: {', '.join(learnt)}"
    raise DataError(message, where=f"{table.path}:{line}", allowed="a number in each cell, or in none", hint=hint)


def _check_kind(column: str, tables: Sequence[Table]) -> None:
    """Pass if a named column holds any number; single other cells are told with their lines."""
    table = tables[0]
    check_decimals(column, _cells(column, tables), str(table.path))
    if share_of_numbers(_cells(column, tables)) > 0:
        return
    place, cell = next(zip(table.lines, table.columns[column], strict=True), (1, ""))
    message = f"column '{column}' holds no numbers: '{cell}'"
    hint = "to learn classes: [project] type = classification or multilabel"
    raise DataError(message, where=f"{table.path}:{place}", hint=hint)
