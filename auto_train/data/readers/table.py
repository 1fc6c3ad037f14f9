"""CSV, Parquet and JSON-lines files as columns of text with their line numbers."""

import codecs
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from auto_train.data.readers.header import check_header, has_image_suffix
from auto_train.errors import DataError, did_you_mean, format_list
from auto_train.types import normalise_text

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
        columns = {normalise_text(name): list(map(normalise_text, cells)) for name, cells in self.columns.items()}
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
        DataError: missing, not of this format, not UTF-8, without a header, rows of another length than the header.
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
        if isinstance(error, UnicodeDecodeError):
            raise _not_utf8(path) from error
        raise DataError(f"cannot be read: {error}", where=str(path)) from error


def column_names(path: Path) -> list[str]:
    """Return the columns of a table, or none where it cannot be read as one."""
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            encoding = _encoding(path)  # a cell that is not UTF-8 is a mistake in a table, found when it is read
            errors = "strict" if encoding == "utf-16" else "replace"
            with path.open(newline="", encoding=encoding, errors=errors) as file:
                return _header(file)[0]
        return list(read_table(path).columns)
    except (csv.Error, ValueError, OSError):
        return []


def find_broken_tables(folder: Path) -> list[str]:
    """Return what is wrong with the tables right in a folder that cannot be read."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
            try:
                read_table(path)
            except DataError as error:
                found.append(str(error))
    return found


def _header(file: TextIO) -> tuple[list[str], str, int]:
    """Return the column names, the delimiter, the one of ``, ; tab |`` that the header has most of, and its line."""
    line, number = file.readline(), 1
    if line.lower().startswith("sep=") and len(line.strip()) == len("sep=;"):  # a line that Excel writes for itself
        line, number = file.readline(), 2
    delimiter = max(",;\t|", key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])], delimiter, number


def _encoding(path: Path) -> str:
    """Return UTF-16 where a file says so, as Excel's "Unicode text" does, else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _not_utf8(path: Path) -> DataError:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            shown = line[max(error.start - 10, 0) : error.end + 10].decode("cp1252", "replace")
            name = path.name
            hint = "save it as UTF-8 (in Excel: CSV UTF-8), or, where the text here is right: "
            hint += f"iconv -f WINDOWS-1252 -t UTF-8 {name} > utf8_{name}"
            return DataError(f"is not UTF-8 text: '{shown}'", where=f"{path}:{number}", allowed="UTF-8", hint=hint)
    return DataError("is not UTF-16 text, as its first bytes say", where=str(path), hint="save it as UTF-8")


def _read_text(path: Path) -> Table:
    with path.open(newline="", encoding=_encoding(path)) as file:
        names, delimiter, first = _header(file)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        rows: list[Sequence[str]] = []
        lines: list[int] = []
        wrong: list[str] = []
        line = first + 1
        try:
            for row in reader:
                if row and len(row) != len(names):
                    wrong.append(f"line {line}: {len(row)} cells")
                elif any(row):
                    rows.append(row)
                    lines.append(line)
                line = reader.line_num + first + 1  # the header was read before; a quoted cell may hold line breaks
        except csv.Error as error:
            raise DataError(f"cannot be read: {error}", where=f"{path}:{line}", hint="see to its quotes") from error
    _check_header(names, path)
    if wrong:
        message = format_list(f"rows whose number of cells is not the header's {len(names)}", wrong)
        raise DataError(message, where=str(path))
    columns = {name: [row[i].strip() for row in rows] for i, name in enumerate(names)}
    return Table(path=path, columns=columns, lines=lines)


def _check_header(names: Sequence[str], path: Path) -> None:
    """Pass if every column has a name of its own; columns without one are nobody's."""
    check_header(names, path, has_image_suffix)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        message = f"column '{twice[0]}' is there {names.count(twice[0])} times"
        raise DataError(message, where=f"{path}:1", allowed="one column of each name", hint="rename the others")


def _read_typed(path: Path) -> Table:
    cells, lines = _parquet(path) if path.suffix.lower() == ".parquet" else _json_lines(path)
    check_header(list(cells), path, has_image_suffix)
    columns = {name: [_text(value, name, path) for value in values] for name, values in cells.items()}
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
    for number, line in enumerate(path.read_text(encoding=_encoding(path)).split("\n"), 1):
        try:
            row = json.loads(line) if line.strip() else {}
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"cannot be read: {error}", where=f"{path}:{number}", allowed="a JSON object") from error
        if not isinstance(row, dict):
            raise DataError("is no object", where=f"{path}:{number}", allowed="a JSON object in each line")
        rows |= {number: row} if line.strip() else {}
    names = dict.fromkeys(key for row in rows.values() for key in row)
    return {name: [row.get(name) for row in rows.values()] for name in names}, list(rows)


def _text(value: object, column: str, path: Path) -> str:
    if value is None or value != value:  # NaN is the value that differs from itself
        return ""
    if isinstance(value, bytes) or (isinstance(value, dict) and isinstance(value.get("bytes"), bytes)):
        hint = "write the images into files, and a column with their paths"
        raise DataError(f"column '{column}' holds images themselves", where=str(path), allowed="paths", hint=hint)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    # Whole numbers become floats wherever a column has a gap; the label is 3, not 3.0
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
