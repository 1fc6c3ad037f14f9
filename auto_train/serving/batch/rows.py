"""The table of answers: a row for each image as it comes, kept in a part file, and at the end the file asked for."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from auto_train.errors import DataError, UsageError
from auto_train.files import write_file
from auto_train.types import as_plain

FORMATS = (".csv", ".jsonl", ".parquet")
PATH, ERROR, ANSWER = "path", "error", "answer"

Row = dict[str, Any]


def check_output(output: Path, *, force: bool) -> None:
    """Pass if answers can be written to a file.

    Raises:
        UsageError: another kind of file, one that is there already, or a folder that cannot be made.
    """
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"'{output.name}' is no table", where="--output", allowed=", ".join(FORMATS))
    if output.exists() and not force:
        raise UsageError("is there already", where=str(output), hint="name another file, or replace it with --force")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be made: {error.strerror}", where=str(output.parent)) from error


@dataclass
class PartFile:
    """Rows on disk as JSON lines, each written as soon as it is known. The first line says of which model.

    Attributes:
        path: beside the output.
        places: where the row of an image begins, by the image's name; those of an interrupted prediction too.
    """

    path: Path
    places: dict[str, int] = field(default_factory=dict)
    _file: BinaryIO | None = None

    @classmethod
    def beside(cls, output: Path, model: Mapping[str, Any]) -> Self:
        """Open the part file of an output; with what is in it where the same model has been interrupted.

        Raises:
            UsageError: it cannot be written.
        """
        part = cls(output.with_name(f".{output.name}.part"))
        head = json.dumps({"model": as_plain(model)}, sort_keys=True).encode() + b"\n"
        try:
            kept = part._whole_rows(head)
            part._file = part.path.open("r+b" if kept else "w+b")
            if kept:
                part._file.truncate(kept)
            else:
                part._file.write(head)
            part._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=str(part.path)) from error
        return part

    def _whole_rows(self, head: bytes) -> int:
        """Note the rows of this model's that are without an error; return where the last whole line ends."""
        if not self.path.is_file():
            return 0
        with self.path.open("rb") as file:
            if file.readline() != head:
                return 0
            end = file.tell()
            for line in file:
                if not line.endswith(b"\n"):  # interrupted while it was written
                    break
                row = json.loads(line)
                if ERROR not in row:
                    self.places[row[PATH]] = end
                end += len(line)
        return end

    def add(self, row: Row) -> None:
        """Write the row of an image."""
        assert self._file
        self.places[row[PATH]] = self._file.tell()
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of these images, in their order."""
        with self.path.open("rb") as file:
            for name in names:
                file.seek(self.places[name])
                yield json.loads(file.readline())

    def close(self) -> None:
        if self._file:
            self._file.close()

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def row_of(name: str, answer: Any) -> Row:
    """Return the row of an image that was answered."""
    plain = as_plain(answer)
    return {PATH: name, **(plain if isinstance(plain, dict) else {ANSWER: plain})}


def write_table(part: PartFile, names: Sequence[str], output: Path) -> None:
    """Write the rows of these images as the output's suffix says; it is there whole or not at all.

    Raises:
        DataError: a column holds values of several kinds, which Parquet cannot.
    """
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    with write_file(output) as unfinished:
        writers[output.suffix.lower()](part, names, unfinished)


def flat(row: Row) -> Row:
    """Return a row of plain values: objects of numbers and texts become columns ``a.b``, what holds lists JSON text."""
    found: Row = {}
    for key, value in row.items():
        leaves = list(_leaves(key, value))
        if any(isinstance(leaf, list) for _, leaf in leaves):
            found[key] = json.dumps(value, ensure_ascii=False)
        else:
            found.update(leaves)
    return found


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(f"{name}.{key}", inner)


def _columns(part: PartFile, names: Sequence[str]) -> list[str]:
    """Return the columns of all rows; the error is the last."""
    found = dict.fromkeys(column for row in part.rows(names) for column in flat(row))
    found.pop(ERROR, None)
    return [*found, ERROR]


def _write_jsonl(part: PartFile, names: Sequence[str], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in part.rows(names))


def _write_csv(part: PartFile, names: Sequence[str], path: Path) -> None:
    import csv

    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, _columns(part, names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat(row) for row in part.rows(names))


def _write_parquet(part: PartFile, names: Sequence[str], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = _columns(part, names)
    rows = [{column: row.get(column) for column in columns} for row in map(flat, part.rows(names))]
    try:
        table = pyarrow.Table.from_pylist(rows)
    except pyarrow.ArrowException as error:
        hint = "write the answers as .jsonl or .csv"
        raise DataError(f"the answers do not fit into columns: {error}", where=str(path), hint=hint) from error
    pyarrow.parquet.write_table(table, path)
