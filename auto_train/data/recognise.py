"""What lies in a folder that somebody points at: where in it the data begins, in which format, under which columns."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers import Options, detect, get_reader
from auto_train.data.readers import table as tables
from auto_train.data.readers.base import SPLIT_NAMES
from auto_train.data.samples import Samples, read_samples
from auto_train.errors import DataError
from auto_train.types import absolute

# What people call the column of labels, the likeliest first. Not "labels": that holds several.
LABEL_NAMES = ("label", "class", "class_name", "category", "target", "species", "diagnosis", "digit", "y")
# Folders in folders that hold nothing else, as archives make them; cells that tell a column of files.
MOST_LEVELS, CELLS = 4, 50
HINT = "name the folder that holds the class folders or the table of labels, or the table itself"
SPLITS = {name for names in SPLIT_NAMES.values() for name in names}


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A data set that can be trained on.

    Attributes:
        folder: where it begins, absolute: what ``training.dir`` has to say.
        format: name of its reader.
        samples: its table.
        options: further keys of ``[project.data]`` by name, where their defaults would not find the table.
        notes: how it was found, one sentence each, where that is no matter of course.
    """

    folder: Path
    format: str
    samples: Samples
    options: dict[str, str]
    notes: tuple[str, ...] = ()


def recognise(place: Path | str) -> Recognised:
    """Return the data in a folder, or beside a table of labels.

    Raises:
        DataError: nothing there, nothing readable, fewer than two classes; all problems at once.
    """
    try:
        return _recognise(absolute(place))
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error
    except DataError as error:
        # The readers speak to somebody who has an INI already.
        hint = HINT if "[" in error.hint else error.hint
        raise DataError(error.message, where=error.where, allowed=error.allowed, hint=hint) from error


def _recognise(place: Path) -> Recognised:
    if not os.path.exists(place):  # noqa: PTH110 - Path.exists raises for a name the system refuses
        raise DataError("there is nothing", where=str(place), hint=HINT)
    if os.path.isfile(place):  # noqa: PTH113
        return _of_table(place)
    folder = _descend(place)
    notes = [f"the data begins in {folder}: there is nothing else in {place}"] if folder != place else []
    options: dict[str, str] = {}
    if not any(get_reader(name).detect(folder, Options()) for name in ("idx", "csv")):
        options = _unusual_columns(folder)
    if options:
        notes.append(f"a table names the images in column '{options['path_column']}', labels in "
                     f"'{options['label_column']}'")  # fmt: skip
    format = "csv" if options else detect(folder, Options())
    samples = read_samples(folder, format, **options)
    return Recognised(folder=folder, format=format, samples=samples, options=options, notes=tuple(notes))


def _of_table(file: Path) -> Recognised:
    """Return the data a table names.

    Raises:
        DataError: it is no table, or has no columns of images and labels.
    """
    options = {"labels_file": file.name} | _columns(tables.read_table(file))
    samples = read_samples(file.parent, "csv", **options)
    return Recognised(folder=file.parent, format="csv", samples=samples, options=options)


def _descend(folder: Path) -> Path:
    """Return the folder in which the data begins, below ones that hold nothing but the next."""
    for _ in range(MOST_LEVELS):
        below = _entries(folder, is_folder=True)
        if len(below) != 1 or below[0].name.lower() in SPLITS or _holds(folder, (*SUFFIXES, *tables.SUFFIXES)):
            return folder
        # A folder of images alone is one class.
        if not (_holds(below[0], tables.SUFFIXES) or _entries(below[0], is_folder=True)):
            return folder
        folder = below[0]
    return folder


def _holds(folder: Path, suffixes: Sequence[str]) -> bool:
    """Tell whether files of these kinds, or idx files, lie right in a folder."""
    files = _entries(folder, is_folder=False)
    return any(path.suffix.lower() in suffixes or "-idx" in path.name for path in files)


def _entries(folder: Path, *, is_folder: bool) -> list[Path]:
    found = [folder / name for name in sorted(os.listdir(folder)) if not name.startswith((".", "__MACOSX"))]  # noqa: PTH208
    return [path for path in found if os.path.isdir(path) == is_folder]  # noqa: PTH112 - a loop of links raises in Path's


def _unusual_columns(folder: Path) -> dict[str, str]:
    """Return the columns of the first table here that names images and their labels, or nothing."""
    for file in _entries(folder, is_folder=False):
        if file.suffix.lower() in tables.SUFFIXES and tables.column_names(file):
            try:
                return _columns(tables.read_table(file))
            except DataError:
                continue
    return {}


def _columns(table: tables.Table) -> dict[str, str]:
    """Return which columns hold paths and labels: paths by what they name, labels by their own name.

    Raises:
        DataError: none or several may be meant.
    """
    paths = [name for name, cells in table.columns.items() if _are_images(cells, table.path.parent)]
    others = [name for name in table.columns if name not in paths]
    known = sorted((name for name in others if name.strip().lower() in LABEL_NAMES), key=_rank)
    labels = known or (others if len(others) == 1 else [])
    if len(paths) == 1 and labels:
        return {"path_column": paths[0], "label_column": labels[0]}
    what = "several columns name images" if len(paths) > 1 else "no column names images" if not paths else ""
    raise DataError(
        what or "it is not clear which column holds the labels",
        where=str(table.path),
        allowed=f"one column of paths relative to the table, and one named {', '.join(LABEL_NAMES)}",
        hint=f"its columns are: {', '.join(table.columns)}",
    )


def _rank(name: str) -> int:
    return LABEL_NAMES.index(name.strip().lower())


def _are_images(cells: Sequence[str], folder: Path) -> bool:
    """Tell whether most of the first cells name image files."""
    some = [cell for cell in cells if cell][:CELLS]
    hits = sum(Path(cell).suffix.lower() in SUFFIXES and os.path.isfile(folder / cell) for cell in some)  # noqa: PTH113
    return bool(some) and hits > len(some) / 2
