"""Readers by kind of target and name. A new format is one file here and one line in NAMES."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.base import Options, Reader
from auto_train.data.readers.clues import clues
from auto_train.data.readers.places import list_folders, list_images_below, split_named
from auto_train.data.readers.table import find_broken_tables
from auto_train.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

# Module by format, in the order they are asked: what only one format can look like comes first.
NAMES = {
    "label": {"idx": "idx", "csv": "csv", "label_studio": "label_studio", "folders": "folders", "digits": "digits"},
    "labels": {"label_studio": "label_studio", "csv": "csv_labels"},
    "values": {"csv": "csv_values"},
    "boxes": {
        "coco": "coco_boxes",
        "cvat": "cvat",
        "label_studio": "label_studio",
        "labelme": "labelme",
        "via": "via",
        "voc": "voc",
        "open_images": "open_images",
        "csv": "csv_boxes",
        "yolo": "yolo",
    },
    "mask": {
        "masks": "masks",
        "coco": "coco_masks",
        "cvat": "cvat",
        "label_studio": "label_studio",
        "labelme": "labelme",
        "via": "via",
    },
}
FORMATS = tuple(dict.fromkeys(name for names in NAMES.values() for name in names))

# Kinds that lie in files beside their images, so that folders tell which are annotated.
TOLD_BY_FOLDERS = ("boxes", "mask")

__all__ = [
    "FORMATS",
    "NAMES",
    "Options",
    "Reader",
    "check_splits",
    "describe_annotations",
    "detect",
    "get_reader",
    "no_format",
]


def get_reader(name: str, target: str = "label") -> Reader:
    """Return the reader of a format.

    Args:
        name: of the format.
        target: kind of the annotations.

    Raises:
        UsageError: no such format, or none that has such annotations.
    """
    if target not in NAMES:
        allowed = did_you_mean(target, list(NAMES))
        raise UsageError(f"unknown target '{target}'", where="[project.data] target", allowed=allowed)
    if name not in NAMES[target]:
        what = f"format '{name}' has no {target}" if name in FORMATS else f"unknown format '{name}'"
        allowed = did_you_mean(name, list(NAMES[target]))
        raise UsageError(what, where="[project.data] format", allowed=allowed)
    return cast(Reader, import_module(f"auto_train.data.readers.{NAMES[target][name]}"))


def _looks(target: str) -> dict[str, str]:
    """Return what each format of a target looks like, those that are asked for by name only left out."""
    found = {name: get_reader(name, target).LOOKS for name in NAMES[target]}
    return {name: looks for name, looks in found.items() if looks}


def describe_format(name: str, folder: Path, options: Options) -> str:
    """Return what was taken for which format and why, where it was to be found out; what else it may be behind it."""
    text = f"the data is read as {name}: {get_reader(name, options.target).LOOKS}"
    if options.target not in TOLD_BY_FOLDERS:  # a folder of images beside a table looks like a class
        return text
    readers = {other: get_reader(other, options.target) for other in NAMES[options.target] if other != name}
    others = [other for other, reader in readers.items() if reader.detect(folder, options)]
    if not others:
        return text
    return f"{text}; it may be {' or '.join(others)} too, and [project.data] format says which is meant"


def check_splits(name: str, folder: Path, options: Options, samples: "Samples") -> list[str]:
    """Return warnings of folders of splits of whose images none was read.

    Args:
        name: of the format that was read.
        folder: of the data.
        options: of the reader.
        samples: that it gave.

    Raises:
        DataError: such a folder is annotated in another format.
    """
    if (
        options.target not in TOLD_BY_FOLDERS
        or name == "csv"
        or options.split_dirs
        or options.images_dir
        or options.annotations_file
    ):
        return []
    read = {str(folder / path).removeprefix(f"{folder}/").partition("/")[0] for path in samples.table["path"]}
    left = [path for path in list_folders(folder) if split_named(path.name) and path.name not in read]
    left = [path for path in left if next(list_images_below(path, SUFFIXES), None)]
    others = [other for other in NAMES[options.target] if other != name]
    for path in left:
        inner = Options(target=options.target)
        if found := next((other for other in others if get_reader(other, options.target).detect(path, inner)), ""):
            message = f"{path.name} is annotated as {found}, the rest as {name}"
            hint = "bring all splits into one format: python main.py data convert --data DIR --to FORMAT"
            raise DataError(message, where=str(folder), allowed="one format", hint=hint)
    return [f"{path}: the annotations name no image in it, and none is used" for path in left]


def detect(folder: Path, options: Options, *, is_asked: bool = True) -> str:
    """Return the name of the format of the data in a folder.

    Args:
        is_asked: whether the kind of annotations is; else a message names the formats of all kinds.

    Raises:
        DataError: no folder, or no reader knows what is in it.
    """
    if options.labels_file:
        return "csv"
    if options.train_dir and options.target == "label":
        return "folders"
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), hint="correct [training] dir, or name its source")
    for name in NAMES[options.target]:
        if get_reader(name, options.target).detect(folder, options):
            return name
    raise no_format(folder, [options.target] if is_asked else list(NAMES))


def describe_annotations(folder: Path) -> str:
    """Return what images are annotated with apart from a class, and the recipe for it; "" for nothing."""
    recipes = {"boxes": "object_detection", "mask": "segmentation"}
    found = [
        f"{target} ({name}): [project] type = {recipe}, or --task {recipe} of init"
        for target, recipe in recipes.items()
        if (name := next((name for name in NAMES[target] if _is_seen(name, folder, target)), ""))
    ]
    return ", or ".join(found)


def _is_seen(name: str, folder: Path, target: str) -> bool:
    try:
        return get_reader(name, target).detect(folder, Options(target=target))
    except DataError:  # told where this format is asked for
        return False


def no_format(folder: Path, targets: Sequence[str]) -> DataError:
    """Return the error of a folder that no reader of these targets knows, with what its files seem to be."""
    found = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    shown = ", ".join(found[:10]) + (f", … {len(found) - 10} more" if len(found) > 10 else "")
    looks = dict.fromkeys(looks for target in targets for looks in _looks(target).values())
    others = describe_annotations(folder)
    hints = [f"the data has {others}"] if others else list(dict.fromkeys([*clues(folder), *find_broken_tables(folder)]))
    last = "correct [training] dir, or name [project.data] format or labels_file"
    return DataError(
        f"no known data format; the folder holds: {shown or 'nothing'}",
        where=str(folder),
        allowed="; ".join(looks),
        hint="\n  ".join([*hints, last]),
    )
