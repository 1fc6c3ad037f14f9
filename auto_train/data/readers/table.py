"""CSV, Parquet and JSON-lines files as columns of text with their line numbers."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.samples import listed
from auto_train.errors import DataError, did_you_mean
from auto_train.types import normal_text

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Attributes:
        path: the file.
        columns: cells by column name, stripped, in one Unicode form; missing values are "".
        lines: the number of each row's line, from 1; of each row for Parquet.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def __post_init__(self) -> None:
        """Bring names and cells into one Unicode form: "café" is one class, however it is written."""
        columns = {normal_text(name): list(map(normal_text, cells)) for name, cells in self.columns.items()}
        object.__setattr__(self, "columns", columns)

    def column(self, *names: str) -> list[str]:
        """Return the first of these columns that is there.

        Raises:
            DataError: none is; the message holds those found, the nearest first.
        """
        for name in names:
            if name in self.columns:
                return self.columns[name]
        wanted = " or ".join(f"'{name}'" for name in names)
        message = f"has no column {wanted}"
        hint = "name the column in [project.data] path_column, label_column or group_column"
        raise DataError(message, where=str(self.path), allowed=did_you_mean(names[0], list(self.columns)), hint=hint)


def read_table(path: Path) -> Table:
    """Return the table in a file, told by its suffix.

    Raises:
        DataError: missing, not of this format, not UTF-8, rows of another length than the header.
    """
    if not path.is_file():
        raise DataError("no such file", where=str(path), hint="correct [project.data] labels_file")
    if path.suffix.lower() not in SUFFIXES:
        what = f"'{path.suffix}' is no table" if path.suffix else "is no table"
        raise DataError(what, where=str(path), allowed=", ".join(SUFFIXES))
    try:
        return _read_text(path) if path.suffix.lower() in (".csv", ".tsv") else _read_typed(path)
    except (csv.Error, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        hint = "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        raise DataError(f"cannot be read: {error}", where=str(path), hint=hint) from error


def column_names(path: Path) -> list[str]:
    """Return the columns of a table, or none where it cannot be read as one."""
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            with path.open(newline="", encoding="utf-8-sig") as file:
                return _header(file.readline())[0]
        return list(read_table(path).columns)
    except (csv.Error, ValueError, OSError):
        return []


def broken_tables(folder: Path) -> list[str]:
    """Return what is wrong with the tables right in a folder that cannot be read."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
            try:
                read_table(path)
            except DataError as error:
                found.append(str(error))
    return found


def _header(line: str) -> tuple[list[str], str]:
    """Return the column names and the delimiter, the one of ``, ; tab |`` that the header has most of."""
    delimiter = max(",;\t|", key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])], delimiter


def _read_text(path: Path) -> Table:
    with path.open(newline="", encoding="utf-8-sig") as file:
        names, delimiter = _header(file.readline())
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        rows: list[Sequence[str]] = []
        lines: list[int] = []
        wrong: list[str] = []
        line = 2
        try:
            for row in reader:
                if row and len(row) != len(names):
                    wrong.append(f"line {line}: {len(row)} cells")
                elif any(row):
                    rows.append(row)
                    lines.append(line)
                line = reader.line_num + 2  # the header was read before; a quoted cell may hold line breaks
        except csv.Error as error:
            raise DataError(f"cannot be read: {error}", where=f"{path}:{line}", hint="see to its quotes") from error
    _check_header(names, path)
    if wrong:
        message = listed(f"rows whose number of cells is not the header's {len(names)}", wrong)
        raise DataError(message, where=str(path))
    columns = {name: [row[i].strip() for row in rows] for i, name in enumerate(names)}
    return Table(path=path, columns=columns, lines=lines)


def _check_header(names: Sequence[str], path: Path) -> None:
    """Pass if every column has a name of its own; columns without one are nobody's."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        message = f"column '{twice[0]}' is there {names.count(twice[0])} times"
        raise DataError(
            message, where=f"{path}:1", allowed="one column of each name", hint="rename or remove the others"
        )


def _read_typed(path: Path) -> Table:
    cells, lines = _parquet(path) if path.suffix.lower() == ".parquet" else _json_lines(path)
    columns = {name: [_text(value) for value in values] for name, values in cells.items()}
    return Table(path=path, columns=columns, lines=lines)


_Cells = tuple[dict[str, list[object]], list[int]]


def _parquet(path: Path) -> _Cells:
    import pyarrow
    from pyarrow import parquet

    try:
        # Not by pandas: its integers turn into floats where a value is missing.
        cells = parquet.read_table(path).to_pydict()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error
    return cells, list(range(1, max(map(len, cells.values()), default=0) + 1))


def _json_lines(path: Path) -> _Cells:
    rows: dict[int, dict[str, object]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        try:
            row = json.loads(line) if line.strip() else {}
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"cannot be read: {error}", where=f"{path}:{number}", allowed="a JSON object") from error
        if not isinstance(row, dict):
            raise DataError("is no object", where=f"{path}:{number}", allowed="a JSON object in each line")
        rows |= {number: row} if line.strip() else {}
    names = dict.fromkeys(key for row in rows.values() for key in row)
    return {name: [row.get(name) for row in rows.values()] for name in names}, list(rows)


def _text(value: object) -> str:
    if value is None or value != value:  # NaN is the value that differs from itself
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "|".join(value)  # several labels
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    # Whole numbers become floats wherever a column has a gap; the label is 3, not 3.0
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
