"""Lists of Pascal VOC's ImageSets: which images are in which split, whatever the lists' case and folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.places import list_folders, split_named
from auto_train.errors import DataError, format_list
from auto_train.types import normalise_text

_FOLDER = "imagesets"
# Names of lists that stand for no split: train and valid together, and CVAT's for images without one.
_UNSPLIT = ("trainval", "default")
# What stands behind a stem in the list of one class.
_FLAGS = ("-1", "0", "1")


@dataclass(frozen=True)
class ImageSets:
    """What the lists say.

    Attributes:
        name: of their folder below the data's, "" where there are none.
        splits: of each stem; "" where the lists give none.
        warnings: lists that are not read.
    """

    name: str = ""
    splits: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def find_sets(folder: Path, kinds: Sequence[str]) -> ImageSets:
    """Return the lists in ``ImageSets/<kind>`` of the first of these kinds that has any, or right in ``ImageSets``.

    Names of folders and lists are read in any case. ``trainval`` and ``default`` give no split, and the first counts
    only where neither train nor valid is given.

    Raises:
        DataError: a stem is in two splits; a list cannot be read.
    """
    bases = [path for path in list_folders(folder) if path.name.lower() == _FOLDER]
    inner = {path.name.lower(): path for base in bases for path in list_folders(base)}
    places = [inner[kind.lower()] for kind in kinds if kind.lower() in inner] + bases
    warnings: list[str] = []
    for place in places:
        lists = sorted(path for path in place.iterdir() if path.suffix.lower() == ".txt" and path.is_file())
        known = {path: split for path in lists if (split := _split_of(path)) is not None}
        others = [path for path in lists if path not in known and not _is_of_class(path)]
        if others:
            shown = ", ".join(path.name for path in others)
            text = f"{place}: lists of these names give no split and are not read: {shown}"
            warnings.append(f"{text}; a split's list is called train, val, trainval, test or default")
        if known:
            return ImageSets(place.relative_to(folder).as_posix(), _splits(known, place), tuple(warnings))
    return ImageSets(warnings=tuple(warnings))


def _split_of(path: Path) -> str | None:
    """Return the split a list stands for, "" for none; None: it is something else."""
    name = path.stem.lower()
    return "" if name in _UNSPLIT else split_named(name) or None


def _is_of_class(path: Path) -> bool:
    """Tell whether a list is about one class, as ``car_train.txt`` beside ``train.txt``."""
    first = next((line.split() for line in _lines(path) if line.strip()), [])
    return len(first) == 2 and first[1] in _FLAGS


def _splits(lists: dict[Path, str], place: Path) -> dict[str, str]:
    has_splits = any(split in ("train", "valid") for split in lists.values())
    found: dict[str, str] = {}
    problems = []
    for path, split in sorted(lists.items(), key=lambda one: not one[1]):  # those without a split come last
        if has_splits and path.stem.lower() == "trainval":
            continue
        for stem in filter(None, map(_stem, _lines(path))):
            if found.setdefault(stem, split) != split and split:
                problems.append(f"{path.name}: '{stem}' is in {found[stem]} too")
    if problems:
        raise DataError(format_list("images in two splits", problems), where=str(place))
    return found


def _stem(line: str) -> str:
    """Return the stem a line names: alone, in quotes, as a file in any folder, or with the flag of a class behind."""
    text = normalise_text(line.strip())
    first, _, flag = text.rpartition(" ")
    text = (first if first and flag in _FLAGS else text).strip().strip('"').rpartition("/")[2]
    stem, mark, suffix = text.rpartition(".")
    return stem if mark and f".{suffix.lower()}" in SUFFIXES else text


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from error
