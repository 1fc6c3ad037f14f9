"""Tables of paths and labels (CSV, Parquet), Hugging Face ``imagefolder`` metadata among them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options, file_samples
from auto_train.data.readers.folders import SPLIT_NAMES
from auto_train.data.readers.table import SUFFIXES, Table, column_names, read_table
from auto_train.data.samples import listed
from auto_train.errors import DataError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

_SPLITS = {name: split for split, names in SPLIT_NAMES.items() for name in names} | {"": ""}
_MISSING = ("", "nan")


def detect(folder: Path, options: Options) -> bool:
    """Return True if a table with the columns of paths and labels lies in the folder or its split folders."""
    return bool(_find_tables(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images a table names.

    Columns by name: path, label, and where they are there ``split`` and the group. Paths are relative to the table's
    folder or to the data folder. Tables named train, valid, test, or ``metadata`` in such folders, give the split.
    Labels stay text: ``007`` is not ``7``.
    """
    files = _find_tables(folder, options)
    if options.labels_file:
        files = {folder / options.labels_file: ""}
    if not files:
        allowed = f"columns '{options.path_column}' and '{options.label_column}' in a {', '.join(SUFFIXES)} file"
        raise DataError("no table of labels here", where=str(folder), allowed=allowed)
    rows: dict[Path, tuple[str, str, str]] = {}
    problems: list[str] = []
    repeated = 0
    for file, split in files.items():
        table = read_table(file)
        for line, path, cells in _rows(table, folder, split, options):
            found = _problems(path, cells)
            if not found and rows.get(path, cells) != cells:
                found = ["another label or split before"]
            problems += [f"{file.name}:{line}: {text} ({path.name})" for text in found]
            repeated += path in rows
            rows[path] = cells
    if problems:
        message = listed(f"{len(problems)} rows cannot be used", problems)
        hint = "correct or remove these rows"
        raise DataError(message, where=", ".join(map(str, files)), hint=hint)
    warnings = [f"{folder}: {repeated} rows name an image a second time; it is used once"] if repeated else []
    return file_samples([(path, *cells) for path, cells in rows.items()], folder, warnings)


def _rows(table: Table, folder: Path, split: str, options: Options) -> Iterator[tuple[int, Path, tuple[str, str, str]]]:
    """Yield line, absolute path, and (split, label, group) of each row."""
    paths = table.column(*_path_columns(options))
    labels = table.column(options.label_column)
    splits = table.columns.get("split") or [split] * len(paths)
    groups = table.columns.get("group") or [""] * len(paths)
    if options.group_column:
        groups = table.column(options.group_column)
    places = (table.path.parent, folder)
    for line, path, kind, label, group in zip(table.lines, paths, splits, labels, groups, strict=True):
        yield line, _locate(path, places), (_SPLITS.get(kind.lower(), kind), label, group)


def _path_columns(options: Options) -> list[str]:
    # file_name is what Hugging Face calls it
    return ["path", "file_name"] if options.path_column == "path" else [options.path_column]


def _locate(path: str, places: tuple[Path, ...]) -> Path:
    """Return the file a table means; one of Windows too."""
    names = [path, path.replace("\\", "/")] if "\\" in path else [path]
    candidates = [os.path.normpath(place / name) for place in places for name in names]
    return Path(next(filter(os.path.isfile, candidates), candidates[0]))


def _problems(path: Path, cells: tuple[str, str, str]) -> list[str]:
    split, label, _ = cells
    problems = [] if label.lower() not in _MISSING else ["no label"]
    if split not in _SPLITS.values():
        problems.append(f"unknown split '{split}', allowed: train, valid, test or nothing")
    if not path.is_file():
        problems.append("is a folder" if path.is_dir() else "no such image")
    return problems


def _find_tables(folder: Path, options: Options) -> dict[Path, str]:
    """Return the tables to read and the split each stands for."""
    if options.labels_file or not folder.is_dir():
        return {}
    here = [path for path in sorted(folder.iterdir()) if _is_labels(path, options)]
    splits = {path: _SPLITS[path.stem.lower()] for path in here if path.stem.lower() in _SPLITS}
    others = [path for path in here if path not in splits]
    named = [path for path in others if path.stem.lower() in ("labels", "metadata")]
    if len(named) == 1 or len(others) == 1:
        return {(named or others)[0]: ""}
    if others:
        names = ", ".join(path.name for path in others)
        hint = "name the one that is meant in [project.data] labels_file"
        raise DataError(f"several tables of labels: {names}", where=str(folder), hint=hint)
    if splits:
        return splits
    below = [path for path in sorted(folder.glob("*/metadata.*")) if path.parent.name.lower() in _SPLITS]
    return {path: _SPLITS[path.parent.name.lower()] for path in below if _is_labels(path, options)}


def _is_labels(path: Path, options: Options) -> bool:
    if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
        return False
    names = column_names(path)
    return options.label_column in names and any(name in names for name in _path_columns(options))
