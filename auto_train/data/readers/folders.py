"""Class folders, with or without train / valid / test folders above them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.base import SPLIT_NAMES, Options, file_samples
from auto_train.errors import DataError, did_you_mean, format_list
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "a folder of images per class"


def detect(folder: Path, options: Options) -> bool:
    """Return True if images lie in a folder below."""
    return any(next(_walk(below, Counter()), None) for below in _subfolders(folder))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images below each class folder, at any depth; the folder right below the split is the label.

    Hidden files are passed over; other files without an image's suffix are counted in a warning.
    """
    ignored: Counter[str] = Counter()
    warnings: list[str] = []
    rows = [
        (path, split, label, "")
        for split, root in _split_folders(folder, options, warnings).items()
        for path, label in _list_labelled(root, split, folder, ignored, warnings)
    ]
    if ignored:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in ignored.most_common(8))
        warnings.append(f"{folder}: files that are no images are ignored: {counts}")
    if not rows:
        raise _without_classes(folder, options, warnings)
    return file_samples(rows, folder, warnings)


def _without_classes(folder: Path, options: Options, warnings: list[str]) -> DataError:
    """Return the error that says where images lie instead, and which folders of classes are named like splits."""
    message = (
        format_list("no image lies in a class folder", warnings) if warnings else "no image lies in a class folder"
    )
    named = [path for path in _subfolders(folder) if _is_split(path) and _loose_images(path)]
    others = [path.name for path in _subfolders(folder) if not _is_split(path) and next(_walk(path, Counter()), None)]
    hint = ""
    if named and others and not options.split_dirs:
        name = named[0].name
        hint = f"'{name}' is read as a split for its name: if it is a class as {others[0]} is, rename the folder"
    elif named:
        hint = "sort the images of each split into a folder for each class, or add a table of paths and labels"
    return DataError(message, where=str(folder), allowed="FOLDER/[train/]CLASS/IMAGE", hint=hint)


def _loose_images(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]


def _split_folders(folder: Path, options: Options, warnings: list[str]) -> dict[str, Path]:
    """Return the folder of each split; "" stands for class folders that are in no split."""
    splits = options.split_dirs
    for path in splits.values():
        if not path.is_dir():
            near = [below.name for below in _subfolders(path.parent)] if path.parent.is_dir() else []
            raise DataError("no such folder", where=str(path), allowed=did_you_mean(path.name, near) if near else "")
    taken = {path.resolve() for path in splits.values()}
    for split in SPLIT_NAMES:
        if split not in splits and (found := _find_split(folder, split)) and found.resolve() not in taken:
            splits[split] = found
    if "train" not in splits:
        splits = {"": folder, **splits}
    elif splits["train"].resolve() != folder.resolve():
        taken |= {path.resolve() for path in splits.values()}
        others = [path.name for path in _subfolders(folder) if path.resolve() not in taken]
        if others:
            warnings.append(f"{folder}: folders beside the splits are not used: {', '.join(others[:8])}")
    return splits


def _find_split(folder: Path, split: str) -> Path | None:
    found = [path for path in _subfolders(folder) if path.name.lower() in SPLIT_NAMES[split]]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        key = {"train": "train_dir", "valid": "validation_dir", "test": "test_dir"}[split]
        hint = f"name the one that is meant in [training.data] {key}"
        raise DataError(f"several folders for the {split} split: {names}", where=str(folder), hint=hint)
    return found[0] if found else None


def _is_split(path: Path) -> bool:
    return any(path.name.lower() in names for names in SPLIT_NAMES.values())


def _list_labelled(
    root: Path, split: str, folder: Path, ignored: Counter[str], warnings: list[str]
) -> Iterator[tuple[Path, str]]:
    """Yield path and label of each image of a split, in an order that no file system changes."""
    if loose := _loose_images(root):
        warnings.append(f"{root}: {len(loose)} images lie in no class folder and are not used")
    for below in _subfolders(root):
        if not split and _is_split(below):
            continue
        label = normalise_text(below.name)  # of two Unicode forms (macOS, Linux) one class
        images = sorted(_walk(below, ignored))
        if not images:
            warnings.append(f"{below}: no image in this folder, so it is no class")
        yield from ((path, label) for path in images)


def _subfolders(folder: Path) -> list[Path]:
    skip = ("__MACOSX",)
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name not in skip)


def _walk(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    """Yield the images below a folder; links are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        place = pending.pop()
        status = place.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
            path = Path(entry.path)
            suffix = path.suffix.lower()
            if entry.name.startswith("."):
                continue
            if path.is_dir() if entry.is_symlink() else entry.is_dir():  # the latter fails for links to themselves
                pending.append(path)
            elif suffix in SUFFIXES:
                yield path
            else:
                ignored[suffix or "without suffix"] += 1
