"""Names of classes: in files beside the data, and those an INI states."""

from collections.abc import Sequence
from pathlib import Path

from auto_train.errors import DataError, did_you_mean
from auto_train.types import normalise_text


def explain_unknown_class(name: str, classes: Sequence[str]) -> str:
    """Return what is wrong with a class name where the INI states the classes; "" for nothing."""
    if not classes or name in classes:
        return ""
    return f"'{name}' is not among the classes of [project] classes: {did_you_mean(name, classes)}"


def names_in(folder: Path, files: Sequence[str]) -> tuple[list[str], Path | None]:
    """Return the class names of the first of these files that is there, one a line, and the file.

    Raises:
        DataError: it cannot be read, a name is there twice.
    """
    for path in (folder / name for name in files):
        if path.is_file():
            return class_names(path), path
    return [], None


def class_names(path: Path) -> list[str]:
    """Return the lines of a file of class names; blank ones at its end are none.

    Raises:
        DataError: it cannot be read, a line is blank, a name is there twice.
    """
    try:
        text = normalise_text(path.read_text(encoding="utf-8-sig"))
        names = [line.strip() for line in text.rstrip().split("\n")]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from error
    for line, name in enumerate(names, 1):
        if not name or name in names[: line - 1]:
            what = f"'{name}' is there a second time" if name else "a line without a name"
            raise DataError(what, where=f"{path}:{line}", allowed="one class a line, in the order of their numbers")
    return names
