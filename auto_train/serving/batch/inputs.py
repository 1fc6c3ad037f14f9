"""Which images are meant: files, folders, archives, patterns, and tables of paths."""

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.fetch import archive
from auto_train.data.image import DECODED_SUFFIXES, SUFFIXES
from auto_train.errors import DataError, MissingError
from auto_train.types import to_absolute

# Of a table with a header; a text file has a path a line and no header.
COLUMN = "path"
TABLES = (".csv", ".parquet", ".txt")


@dataclass(frozen=True, kw_only=True)
class Input:
    """An image to predict.

    Attributes:
        name: its path as the user wrote it, or below the folder or archive or beside the table that was named.
        path: absolute.
        inside: its path within the folder or archive that was named, else its file name.
    """

    name: str
    path: Path
    inside: Path


def find_inputs(words: Iterable[Path | str], unpacked: Path) -> list[Input]:
    """Return the images that are meant, each once, in the order of the words; those of a folder are sorted.

    Args:
        words: files, folders and archives (with all that is in them), patterns such as ``photos/*.jpg``, and tables of
            paths: .csv or .parquet with a column ``path``, .txt with one path a line. Paths in a table are relative to
            its folder, or to the working directory where they are there.
        unpacked: folder for what is in archives.

    Raises:
        MissingError: there is nothing of that name.
        DataError: a folder without images, a table without paths, an archive that cannot be unpacked.
    """
    found: dict[Path, Input] = {}
    folders: dict[Path, Path] = {}
    for word in words:
        for one in _of_word(str(word), unpacked, folders):
            found.setdefault(one.path, one)
    if not found:
        raise DataError(
            "there is no image to predict", allowed="files, folders, archives, patterns, or tables of paths"
        )
    return list(found.values())


def _of_word(word: str, unpacked: Path, folders: dict[Path, Path]) -> Iterable[Input]:
    """Return the images of a word.

    Args:
        folders: where what is in archives has been unpacked.
    """
    path = to_absolute(word)
    if os.path.isdir(path):  # noqa: PTH112 - any text passes
        return _below(word, path, path)
    if os.path.isfile(path):  # noqa: PTH113
        if path.name.lower().endswith(archive.SUFFIXES):
            folders[path] = folders.get(path) or _unpack(path, unpacked)
            return _below(word, path, folders[path])
        return _read_list(word, path) if path.suffix.lower() in TABLES else [_make_input(word, path)]
    if glob.has_magic(word):
        names = sorted(name for name in glob.glob(os.path.expanduser(word), recursive=True) if os.path.isfile(name))  # noqa: PTH111, PTH113, PTH207
        if names:
            return [one for name in names for one in _of_word(name, unpacked, folders)]
    raise MissingError("there is no such image, folder, archive or table", where=str(path))


def _unpack(path: Path, unpacked: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=unpacked))
    try:
        archive.extract(path, folder)
    except DataError as error:
        error.hint = "unpack it yourself and name the folder"
        raise
    return folder


def _make_input(name: str, path: Path) -> Input:
    return Input(name=name, path=path, inside=Path(path.name))


def _below(word: str, named: Path, folder: Path) -> list[Input]:
    """Return the images in a folder, which holds what is in the folder or archive that was named."""
    every = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    files = sorted(path for path in every if not path.name.startswith("."))  # ._photo.jpg is no photo
    if not files:
        allowed = ", ".join(sorted(DECODED_SUFFIXES))
        raise DataError("there is no image in it", where=str(named), allowed=allowed)
    inside = [path.relative_to(folder) for path in files]
    return [
        Input(name=str(Path(word) / part), path=path, inside=part) for path, part in zip(files, inside, strict=True)
    ]


def _read_list(word: str, table: Path) -> list[Input]:
    """Return the images that a table names; one that is not there is an error of its own row later."""
    found = []
    for name in _names(table):
        beside = table.parent / name
        path = beside if os.path.exists(beside) else to_absolute(name)  # noqa: PTH110
        found.append(_make_input(str(Path(word).parent / name) if path == beside else name, to_absolute(path)))
    if not found:
        raise DataError("the table names no image", where=str(table))
    return found


def _names(table: Path) -> Iterator[str]:
    try:
        rows = {".csv": _of_csv, ".parquet": _of_parquet, ".txt": _of_text}[table.suffix.lower()](table)
        yield from (name for name in rows if name)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(table)) from error


def _of_text(table: Path) -> list[str]:
    lines = table.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n")
    return [line.strip() for line in lines]


def _of_csv(table: Path) -> list[str]:
    import csv

    with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        _check_columns(table, list(reader.fieldnames or ()))
        return [row[COLUMN] or "" for row in reader]


def _of_parquet(table: Path) -> list[str]:
    import pyarrow.parquet

    _check_columns(table, pyarrow.parquet.read_schema(table).names)
    return [str(name) for name in pyarrow.parquet.read_table(table, columns=[COLUMN])[COLUMN].to_pylist()]


def _check_columns(table: Path, names: list[str]) -> None:
    if COLUMN not in names:
        raise DataError(
            f"the table has no column '{COLUMN}' with the paths of images",
            where=str(table),
            allowed=f"it has {', '.join(names)}",
        )
