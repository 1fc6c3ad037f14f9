"""Where the images are that annotations name: beside them, in folders of the usual names, or in ``images_dir``."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.base import SPLIT_NAMES, SPLIT_OF, Options
from auto_train.data.readers.image_index import ImageIndex, spellings
from auto_train.errors import DataError
from auto_train.types import match_disk_spelling, normalise_text

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages")
# Problems that a caller has advice for.
MISSING_IMAGE, NOT_ONE_IMAGE = "no such image", "is not one image"
PATHS_HINT = "correct the paths, or put the images anywhere below the data's folder"
DIR_HINT = "or name their folder in [training.data] images_dir"
# Below the data's folder, where folders of images are looked for.
MAX_LEVELS = 3


class Places:
    """Find images by the names annotations have for them.

    Args:
        folder: of the data.
        options: of the reader; ``images_dir`` is the only place where it is named.
    """

    def __init__(self, folder: Path, options: Options):
        self.folder, self.options = folder, options
        self._stems: dict[str, dict[str, list[str]]] = {}
        # The names that images were found by, and those of them that name another place.
        self._names: dict[Path, str] = {}
        self._moved: dict[str, Path] = {}

    @property
    def notes(self) -> list[str]:
        """What to say of images that are not where the annotations say they are."""
        if not self._moved:
            return []
        name, path = next(iter(self._moved.items()))
        shown = str(path).removeprefix(f"{self.folder}/")
        text = f"{len(self._moved)} images are not where the annotations say; they were found by the end of their paths"
        return [f"{text}: '{name}' is {shown}"]

    def locate(self, name: str, beside: Path, split: str = "") -> tuple[Path, str]:
        """Return the image and "", or where it should be and what is wrong.

        Args:
            name: absolute, or relative to any of the places; the suffix may be left out. Paths of Windows, of another
                machine, URL-encoded ones and addresses are looked for by their last parts.
            beside: folder of the annotations.
            split: of the image, where it is known: of equal names in several folders that of the split is meant.
        """
        names = spellings(name)
        near = [self.options.images_dir] if self.options.images_dir else [beside, self.folder]
        for place in near:
            if hits := self._hits(place, names):
                return self._claim(*self._choose_hit(hits, name), name)
        hits = [hit for place in self._usual if place not in near for hit in self._hits(place, names)]
        own = [hit for hit in hits if split and self._split_of(hit) == split]
        if hits:
            return self._claim(*self._choose_hit(own or hits, name), name)
        path = Path(os.path.normpath(near[0] / names[-1]))
        if os.path.isdir(path):  # noqa: PTH112 - as above
            return path, "is a folder"
        return self._elsewhere(names, split) or (path, self._explain_missing(names[-1]))

    def _elsewhere(self, names: list[str], split: str) -> tuple[Path, str] | None:
        """Return the image that has the last parts of a name; none of another split."""
        for text in names:
            wanted = {split, *map(split_named, text.split("/")[:-1])} - {""}
            hits = self._index.find(text)
            own = [hit for hit in hits if self._split_of(hit) in wanted]
            hits = own or [hit for hit in hits if not (wanted and self._split_of(hit))]
            if hits:
                path, problem = self._choose_hit(hits, names[0])
                if not problem:
                    self._moved[names[0]] = path
                return self._claim(path, problem, names[0])
        return None

    def _claim(self, path: Path, problem: str, name: str) -> tuple[Path, str]:
        """Return path and problem, or that another name stands for the image already."""
        before = self._names.setdefault(path, name)
        if not problem and before != name and {before, name} & self._moved.keys():
            problem = f"'{name}' {NOT_ONE_IMAGE}: by the end of its path it is {path.name}, and so is '{before}'"
        return path, problem

    def find_same_number(self, name: str) -> str:
        """Return the name of an image with the same number but for zeros before it; "" for none."""
        return self._index.with_number(name)

    def _explain_missing(self, name: str) -> str:
        near = self.find_same_number(name)
        return f"{MISSING_IMAGE}; '{near}' is there: zeros before the number may be lost" if near else MISSING_IMAGE

    @cached_property
    def _index(self) -> ImageIndex:
        folder = self.options.images_dir or self.folder
        return ImageIndex(folder, list_images_below(folder, SUFFIXES))

    def _hits(self, place: Path, names: list[str]) -> list[Path]:
        for name in names:
            path = match_disk_spelling(Path(os.path.normpath(place / name)))
            if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
                return [path]
            if path.suffix.lower() not in SUFFIXES and (found := self._with_stem(path)):
                return found
        return []

    def _with_stem(self, path: Path) -> list[Path]:
        """Return the images that are called so but for their suffix."""
        folder = str(path.parent)
        if folder not in self._stems:
            stems: dict[str, list[str]] = defaultdict(list)
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():  # noqa: PTH112, PTH208
                stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a hundred thousand names
                if suffix.lower() in SUFFIXES:
                    stems[normalise_text(stem)].append(name)
            self._stems[folder] = stems
        return [path.parent / name for name in self._stems[folder].get(normalise_text(path.name), ())]

    def _choose_hit(self, hits: list[Path], name: str) -> tuple[Path, str]:
        different = sorted(set(hits))
        if len(different) == 1:
            return different[0], ""
        shown = ", ".join(str(path) for path in different[:3])
        return different[0], f"'{name}' {NOT_ONE_IMAGE}: {shown}"

    def _split_of(self, path: Path) -> str:
        parts = path.parts[len(self.folder.parts) : -1]
        found = {split for part in parts if (split := split_named(part))}
        return found.pop() if len(found) == 1 else ""

    @cached_property
    def _usual(self) -> list[Path]:
        """The folders of splits and of images, where no folder is named; else those in the named one."""
        if self.options.images_dir:
            return [path for path in list_folders(self.options.images_dir) if _is_split(path)]
        named = list(self.options.split_dirs.values())
        roots = [*named, *list_folders_below(self.folder, MAX_LEVELS)]
        found = [path for path in roots if path in named or _is_split(path) or path.name.lower() in IMAGE_FOLDERS]
        return list(dict.fromkeys([*found, *(below for path in named for below in image_folders(path))]))


def list_folders(folder: Path) -> list[Path]:
    """Return the folders right in a folder by name, without hidden ones."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name[0] != "." and _is_folder(entry)]
    return [folder / name for name in sorted(names) if name != "__MACOSX"]


def list_folders_below(folder: Path, levels: int) -> Iterator[Path]:
    """Yield the folders below a folder, down to a level."""
    for below in list_folders(folder) if levels else ():
        yield below
        yield from list_folders_below(below, levels - 1)


def image_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are called as folders of images are."""
    return [path for path in list_folders(folder) if path.name.lower() in IMAGE_FOLDERS]


def split_folders(folder: Path, options: Options) -> list[tuple[str, Path]]:
    """Return split and folder of the splits, named or found, and the data's own folder with "" behind them.

    Raises:
        DataError: two folders for one split.
    """
    named = options.split_dirs
    found: dict[str, Path] = {}
    for path in list_folders(folder):
        split = split_named(path.name)
        if split and split not in named and found.setdefault(split, path) != path:
            message = f"several folders for the {split} split: {found[split].name}, {path.name}"
            raise DataError(message, where=str(folder), hint="name the one that is meant in [training.data]")
    both = {**found, **named}
    return [*((split, both[split]) for split in SPLIT_NAMES if split in both), ("", folder)]


def inner_splits(first: Path, second: Path) -> list[tuple[str, Path, Path]]:
    """Return split and folders of the splits that are in both folders."""
    own = Options()
    inner = {split: path for split, path in split_folders(second, own) if split}
    return [(split, path, inner[split]) for split, path in split_folders(first, own) if split in inner]


def list_images_below(folder: Path, suffixes: Iterable[str], *, levels: int = 8) -> Iterator[Path]:
    """Yield the files of these kinds in a folder and below, in an order that no file system changes."""
    if not folder.is_dir():
        return
    for place in (folder, *list_folders_below(folder, levels)):
        for path in sorted(place.iterdir()):
            if path.suffix.lower() in suffixes and not path.name.startswith("."):
                yield path


def warn_of_unused_images(used: Iterable[Path], lack: str) -> list[str]:
    """Return a warning of images that lie right beside used ones: nothing says whether there is something on them.

    Args:
        lack: what they have not, behind their number.
    """
    known = set(used)
    places = sorted({path.parent for path in known})
    found = (path for place in places if place.is_dir() for path in place.iterdir())
    left = [path for path in found if path.suffix.lower() in SUFFIXES and path not in known]
    text = f"{len(left)} images beside the others {lack} and are not used"
    return [f"{places[0]}: {text}, {min(left).name} for one"] if left else []


def shorten_name(path: Path) -> str:
    """Return a file's name, from the folder of its split on where it lies in one: other splits may have the same."""
    at = next((at for at in (-2, -3) if split_named("".join(path.parts[at : at + 1]))), -1)
    return "/".join(path.parts[at:])


def split_named(name: str) -> str:
    """Return the split a folder's name stands for, ``train2017`` for train; "" for none."""
    return SPLIT_OF.get(name.lower().rstrip("0123456789_-"), "")


def _is_split(path: Path) -> bool:
    return bool(split_named(path.name))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False
