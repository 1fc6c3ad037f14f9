"""Rows of tables that name images: which tables, which image, which split. The readers know the other cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from auto_train.data.readers.base import SPLIT_OF, Options
from auto_train.data.readers.places import (
    DIR_HINT,
    MISSING_IMAGE,
    NOT_ONE_IMAGE,
    PATHS_HINT,
    Places,
    shorten_name,
    split_named,
)
from auto_train.data.readers.table import SUFFIXES, Table, column_names, read_table
from auto_train.errors import DataError, format_list
from auto_train.types import match_disk_spelling, normalise_text

Value = TypeVar("Value")
# file_name is what Hugging Face calls it; the others only where no class folders may be meant.
PATH_NAMES = ("path", "file_name", "image", "filename", "image_path", "file")
MISSING = ("", "nan")
# Tables in folders of splits: Hugging Face's, and Roboflow's of boxes and of several labels.
IN_SPLITS = ("metadata.*", "_annotations.csv", "_classes.csv")
# Share of images with rows of different labels up to which these are mistakes; more mean several labels for an image.
MOSTLY_ONE = 0.1
# Problems that have an advice of their own.
SEVERAL, NO_LABEL = "several values", "no label"


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
        return f"{shorten_name(self.table.path)}:{self.line}: {text} ({self.path.name})"


@dataclass(frozen=True, kw_only=True)
class Rows(Generic[Value]):
    """What tables say of images.

    Attributes:
        images: path, split and group of each.
        values: as many.
        warnings: texts for the caller.
        notes: how the rows were understood, one sentence each.
    """

    images: list[tuple[Path, str, str]]
    values: list[Value]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


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
        return {match_disk_spelling(folder / options.labels_file): ""}
    if not folder.is_dir():
        return {}

    def is_table(path: Path) -> bool:
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            return False
        names = [normalise_text(name) for name in column_names(path)]
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
    below = [path for name in IN_SPLITS for path in sorted(folder.glob(f"*/{name}")) if split_named(path.parent.name)]
    return {path: split_named(path.parent.name) for path in below if is_table(path)}


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


def split_column(table: Table) -> str | None:
    """Return the column of splits: the one called so, else the only one that holds names of splits and nothing else."""
    if "split" in table.columns:
        return "split"
    found = [name for name, cells in table.columns.items() if _are_splits(cells)]
    return found[0] if len(found) == 1 else None


def _are_splits(cells: Sequence[str]) -> bool:
    kinds = {SPLIT_OF.get(cell.lower()) for cell in cells}
    return None not in kinds and len(kinds - {""}) > 1


def read_rows(
    tables: Sequence[tuple[Table, str]], folder: Path, options: Options, places: Places | None = None
) -> Iterator[Row]:
    """Yield the rows of tables, images searched.

    Args:
        places: where they are searched, which afterwards knows what to say of it; None: in the folder.
    """
    places = places or Places(folder, options)
    for table, split in tables:
        paths = table.column(*path_columns(options))
        column = split_column(table)
        splits = table.columns[column] if column else [split] * len(paths)
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


def read_one_row_each(
    tables: Sequence[tuple[Table, str]],
    folder: Path,
    options: Options,
    value_of: Callable[[Row], tuple[Value, Sequence[str]]],
    *,
    unite: Callable[[Value, Value], Value] | None = None,
    several: str = "",
) -> Rows[Value]:
    """Return what tables with one row for each image say.

    Args:
        value_of: gives the value of a row, and what is wrong with it.
        unite: makes one value of those of two rows of an image; None: rows that differ are refused.
        several: what to do about such rows, or about several values in a cell.

    Raises:
        DataError: rows that cannot be used, all of them listed; an image in two rows that differ.
    """
    places = Places(folder, options)
    found: dict[Path, tuple[Row, Value]] = {}
    problems: list[str] = []
    repeated, united = 0, set[Path]()
    for row in read_rows(tables, folder, options, places):
        value, wrong = value_of(row)
        texts = [*wrong, *row.problems]
        first, before = found.setdefault(row.path, (row, value))
        if not texts:
            texts = _differences(first, row)
        if not texts and value != before:
            if unite:
                united.add(row.path)
                value = unite(before, value)
            else:
                texts = [f"{SEVERAL}: '{_format_value(before)}' in line {first.line}, '{_format_value(value)}' here"]
        problems += map(row.says, texts)
        repeated += first is not row and row.path not in united
        found[row.path] = (first, value)
    refuse(problems, [table.path for table, _ in tables], several)
    warnings = [f"{folder}: {repeated} rows name an image a second time; it is used once"] if repeated else []
    notes = [f"{len(united)} images have several rows, and the labels of all of them"] if united else []
    images = [(path, row.split, row.group) for path, (row, _) in found.items()]
    notes += [*_split_notes(tables), *places.notes]
    return Rows(
        images=images, values=[value for _, value in found.values()], warnings=tuple(warnings), notes=tuple(notes)
    )


def share_of_several(images: Sequence[str], cells: Sequence[str]) -> float:
    """Return the share of the images whose rows have different cells."""
    found: dict[str, set[str]] = {}
    for image, cell in zip(images, cells, strict=True):
        found.setdefault(image, set()).add(cell)
    return sum(len(different) > 1 for different in found.values()) / max(len(found), 1)


def _differences(first: Row, row: Row) -> list[str]:
    """Return what two rows of one image say otherwise about its split and group."""
    cells = {"split": (first.split, row.split), "group": (first.group, row.group)}
    return [
        f"another {name}: '{before}' in line {first.line}, '{now}' here"
        for name, (before, now) in cells.items()
        if before != now
    ]


def _format_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _split_notes(tables: Sequence[tuple[Table, str]]) -> list[str]:
    names = sorted({name for table, _ in tables if (name := split_column(table)) and name != "split"})
    return [f"splits are those of column '{name}'" for name in names]


def refuse(problems: Sequence[str], files: Sequence[Path], several: str = "") -> None:
    """Pass if there are no problems.

    Args:
        several: what to do about images with several values.

    Raises:
        DataError: all of them.
    """
    if not problems:
        return
    message = format_list(f"{len(problems)} rows cannot be used", problems)
    hints = [several] if several and any(SEVERAL in text for text in problems) else []
    if any(text in problem for problem in problems for text in (MISSING_IMAGE, NOT_ONE_IMAGE)):
        hints += [PATHS_HINT, DIR_HINT]
    if any(NO_LABEL in text for text in problems):
        hints.append("give each of these images its label, or list images without one in a table of their own")
    raise DataError(message, where=", ".join(map(str, files)), hint="\n  ".join(hints) or "correct these rows")
