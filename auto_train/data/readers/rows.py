"""Rows of tables that name images: which tables, which image, which split. The readers know the other cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from auto_train.data.readers.base import SPLIT_OF, Options
from auto_train.data.readers.places import Places, short_name
from auto_train.data.readers.table import SUFFIXES, Table, column_names, read_table
from auto_train.data.samples import listed
from auto_train.errors import DataError
from auto_train.types import normal_text, on_disk

Value = TypeVar("Value")
# file_name is what Hugging Face calls it; the others only where no class folders may be meant.
PATH_NAMES = ("path", "file_name", "image", "filename", "image_path", "file")
MISSING = ("", "nan")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes:
        table, number: where it is, from 0.
        path: absolute, of the image.
        split, group: of the image.
        problems: what is wrong with them.
    """

    table: Table
    number: int
    path: Path
    split: str
    group: str
    problems: tuple[str, ...]

    @property
    def line(self) -> int:
        return self.table.lines[self.number]

    def says(self, text: str) -> str:
        """Return a problem with its place before and the image behind it."""
        return f"{short_name(self.table.path)}:{self.line}: {text} ({self.path.name})"


@dataclass(frozen=True, kw_only=True)
class Rows(Generic[Value]):
    """What tables say of images.

    Attributes:
        images: path, split and group of each.
        values: as many.
        warnings: texts for the caller.
    """

    images: list[tuple[Path, str, str]]
    values: list[Value]
    warnings: tuple[str, ...]


def path_columns(options: Options) -> Sequence[str]:
    """Return the names that the column of paths may have."""
    if options.path_column != "path":
        return [options.path_column]
    return PATH_NAMES[:2] if options.target == "label" else PATH_NAMES


def find_tables(folder: Path, options: Options, fits: Callable[[Sequence[str]], bool]) -> dict[Path, str]:
    """Return the tables to read and the split each stands for; "" leaves it to their column.

    Args:
        fits: tells from a table's columns, the path's among them, whether it is one.

    Raises:
        DataError: it is not clear which of several is meant.
    """
    if options.labels_file:
        return {on_disk(folder / options.labels_file): ""}
    if not folder.is_dir():
        return {}

    def is_table(path: Path) -> bool:
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            return False
        names = [normal_text(name) for name in column_names(path)]
        return any(name in names for name in path_columns(options)) and fits(names)

    here = [path for path in sorted(folder.iterdir()) if is_table(path)]
    splits = {path: SPLIT_OF[path.stem.lower()] for path in here if path.stem.lower() in SPLIT_OF}
    others = [path for path in here if path not in splits]
    named = [path for path in others if path.stem.lower() in ("labels", "metadata")]
    if len(named) == 1 or (len(others) == 1 and not splits):
        return {(named or others)[0]: ""}
    if others:
        names = ", ".join(path.name for path in here)
        hint = "name the one that is meant in [project.data] labels_file"
        raise DataError(f"several tables of labels: {names}", where=str(folder), hint=hint)
    if splits:
        return splits
    below = [path for path in sorted(folder.glob("*/metadata.*")) if path.parent.name.lower() in SPLIT_OF]
    return {path: SPLIT_OF[path.parent.name.lower()] for path in below if is_table(path)}


def read_tables(
    folder: Path, options: Options, fits: Callable[[Sequence[str]], bool], *, allowed: str
) -> list[tuple[Table, str]]:
    """Return the tables with the split each stands for.

    Raises:
        DataError: there is none, or one cannot be read.
    """
    files = find_tables(folder, options, fits)
    if not files:
        raise DataError(
            "no table of labels here", where=str(folder), allowed=f"{allowed} in a {', '.join(SUFFIXES)} file"
        )
    return [(read_table(file), split) for file, split in files.items()]


def rows_of(tables: Sequence[tuple[Table, str]], folder: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of tables, images searched."""
    places = Places(folder, options)
    for table, split in tables:
        paths = table.column(*path_columns(options))
        splits = table.columns.get("split") or [split] * len(paths)
        groups = table.columns.get("group") or [""] * len(paths)
        if options.group_column:
            groups = table.column(options.group_column)
        for number, (path, kind, group) in enumerate(zip(paths, splits, groups, strict=True)):
            own = SPLIT_OF.get(kind.lower(), kind)
            place, problem = places.locate(path, table.path.parent, own)
            problem = problem if path else "no image is named"
            wrong = (
                [] if own in SPLIT_OF.values() else [f"unknown split '{own}', allowed: train, valid, test or nothing"]
            )
            problems = (*wrong, problem) if problem else tuple(wrong)
            yield Row(table=table, number=number, path=place, split=own, group=group, problems=problems)


def one_row_each(
    tables: Sequence[tuple[Table, str]],
    folder: Path,
    options: Options,
    value_of: Callable[[Row], tuple[Value, Sequence[str]]],
) -> Rows[Value]:
    """Return what tables with one row for each image say.

    Args:
        value_of: gives the value of a row, and what is wrong with it.

    Raises:
        DataError: rows that cannot be used, all of them listed; an image in two rows that differ.
    """
    found: dict[Path, tuple[str, str, Value]] = {}
    problems: list[str] = []
    repeated = 0
    for row in rows_of(tables, folder, options):
        value, wrong = value_of(row)
        cells = (row.split, row.group, value)
        texts = [*wrong, *row.problems]
        if not texts and found.get(row.path, cells) != cells:
            texts = ["another label or split before"]
        problems += map(row.says, texts)
        repeated += row.path in found
        found[row.path] = cells
    refuse(problems, [table.path for table, _ in tables])
    warnings = [f"{folder}: {repeated} rows name an image a second time; it is used once"] if repeated else []
    images = [(path, split, group) for path, (split, group, _) in found.items()]
    return Rows(images=images, values=[value for *_, value in found.values()], warnings=tuple(warnings))


def refuse(problems: Sequence[str], files: Sequence[Path]) -> None:
    """Pass if there are no problems.

    Raises:
        DataError: all of them.
    """
    if problems:
        message = listed(f"{len(problems)} rows cannot be used", problems)
        raise DataError(message, where=", ".join(map(str, files)), hint="correct or remove these rows")
