"""Readers by name. A new format is one file here and one word in NAMES."""

from importlib import import_module
from pathlib import Path
from typing import cast

from auto_train.data.readers.base import Options, Reader
from auto_train.errors import DataError, UsageError, did_you_mean

# In the order they are asked: what only one format can look like comes first.
NAMES = ("idx", "csv", "folders", "digits")

__all__ = ["NAMES", "Options", "Reader", "detect", "get_reader"]


def get_reader(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        UsageError: no such format.
    """
    if name not in NAMES:
        allowed = did_you_mean(name, NAMES)
        raise UsageError(f"unknown format '{name}'", where="[project.data] format", allowed=allowed)
    return cast(Reader, import_module(f"auto_train.data.readers.{name}"))


def detect(folder: Path, options: Options) -> str:
    """Return the name of the format of the data in a folder.

    Raises:
        DataError: no folder, or no reader knows what is in it.
    """
    if options.labels_file:
        return "csv"
    if options.train_dir:
        return "folders"
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), hint="correct [training] dir, or name its source")
    for name in NAMES:
        if get_reader(name).detect(folder, options):
            return name
    found = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    shown = ", ".join(found[:10]) + (f", … {len(found) - 10} more" if len(found) > 10 else "")
    raise DataError(
        f"no known data format; the folder holds: {shown or 'nothing'}",
        where=str(folder),
        allowed="a folder of images per class, a CSV or Parquet table of paths and labels, idx files",
        hint="correct [training] dir, or name [project.data] format or labels_file",
    )
