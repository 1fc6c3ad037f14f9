"""darknet's obj.data and its lists of images, as CVAT exports them too: classes and splits of YOLO's label files."""

from collections.abc import Mapping
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.base import SPLIT_NAMES
from auto_train.data.readers.classes import class_names
from auto_train.errors import DataError

LISTS = {f"{name}.txt": split for split, names in SPLIT_NAMES.items() for name in names}
_KEYS = {"train", "valid", "val", "test", "names"}


def data_file(folder: Path) -> Path | None:
    """Return obj.data, or the only other file of such keys; None where there is none.

    Raises:
        DataError: several may be meant.
    """
    found = [path for path in sorted(folder.glob("*.data")) if path.is_file() and _KEYS & read_keys(path).keys()]
    named = [path for path in found if path.name == "obj.data"] or found
    if len(named) > 1:
        names = ", ".join(path.name for path in named)
        raise DataError(f"several files say where the splits are: {names}", where=str(folder), hint="leave one of them")
    return named[0] if named else None


def read_keys(file: Path) -> dict[str, tuple[str, int]]:
    """Return text and line of each key; a line is ``key = text``, comments begin with #.

    Raises:
        DataError: it cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    found = {}
    for number, line in enumerate(lines, 1):
        key, mark, text = line.partition("#")[0].partition("=")
        if mark and text.strip():
            found[key.strip().lower()] = (text.strip(), number)
    return found


def names_of(keys: Mapping[str, tuple[str, int]], file: Path) -> list[str]:
    """Return the class names in the file that the key ``names`` says, none where it says none or it is not there."""
    text, _ = keys.get("names", ("", 0))
    path = place_of(text, file.parent) if text else None
    return class_names(path) if path and path.is_file() else []


def place_of(text: str, folder: Path) -> Path:
    """Return where a path leads, which is relative to darknet's own folder: its last parts count."""
    parts = text.replace("\\", "/").split("/")
    paths = [folder / text, *(folder.joinpath(*parts[at:]) for at in range(1, len(parts)))]
    return next((path for path in paths if path.exists()), paths[0])


def lists_in(folder: Path) -> list[tuple[str, Path]]:
    """Return split and path of the lists of images in a folder, called after their splits."""
    paths = sorted(path for path in folder.glob("*.txt") if path.name.lower() in LISTS and path.is_file())
    return [(LISTS[path.name.lower()], path) for path in paths if _is_list(path)]


def _is_list(path: Path) -> bool:
    """Tell by its first line whether a file names images."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line.strip() for line in file if line.strip()), "")
    return first.lower().endswith(tuple(SUFFIXES))
