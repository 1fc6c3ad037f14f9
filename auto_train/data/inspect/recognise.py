"""What lies in a folder that somebody points at: where the data begins, its kind and format, under which columns."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.inspect.columns import Keys, columns_for
from auto_train.data.inspect.path_column import NoImagesError
from auto_train.data.read import read_samples
from auto_train.data.readers import NAMES, Options, detect, get_reader, label_studio, no_format, open_images, via
from auto_train.data.readers import table as tables
from auto_train.data.readers.base import SPLIT_NAMES
from auto_train.data.readers.clues import clues
from auto_train.data.readers.places import IMAGE_FOLDERS, list_folders
from auto_train.data.samples import Samples
from auto_train.errors import DataError
from auto_train.types import to_absolute

# Folders in folders that hold nothing else, as archives make them.
MAX_LEVELS = 4
HINT = "name the folder that holds the class folders, the annotations or the table of labels, or the table itself"
_SECTION = re.compile(r"\[(project|training)\b")
SPLITS = {name for names in SPLIT_NAMES.values() for name in names}
# Kinds that files tell which hold nothing else; of several the first is taken.
TOLD_BY_FILES = ("boxes", "mask")
# Folders of such names hold no class.
NO_CLASSES = {
    *IMAGE_FOLDERS, "labels", "masks", "mask", "annotations", "imagesets", "obj_train_data", "segmentationclass",
    "segmentationobject",
}  # fmt: skip
# What a hint may name although there is no INI yet.
_KEPT = ("--task", "[training.data] annotations_file", "[project] classes")
# Roboflow's table of several labels, in the folders of splits.
_CLASSES = "_classes.csv"


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """A data set that can be trained on.

    Attributes:
        folder: where it begins, absolute: what ``training.dir`` has to say.
        target: kind of the annotations.
        format: name of its reader.
        samples: its table.
        options: further keys of ``[project.data]`` by name, where their defaults would not find the table.
        notes: how it was found, one sentence each, where that is no matter of course.
        others: further kinds that the images are annotated with.
    """

    folder: Path
    target: str = "label"
    format: str
    samples: Samples
    options: Keys
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def recognise(place: Path | str, target: str | None = None) -> Recognition:
    """Return the data in a folder, or beside a table of labels.

    Args:
        place: the folder or the table.
        target: kind of the annotations that is wanted; None: the first of boxes, masks, labels and numbers there is.

    Raises:
        DataError: nothing there, nothing readable, fewer than two classes; all problems at once.
    """
    try:
        return _recognise(to_absolute(place), target)
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error
    except DataError as error:
        # The readers speak to somebody who has an INI already; one with these keys can be written by hand.
        lines = [
            line for line in error.hint.split("\n  ") if not _SECTION.search(line) or any(key in line for key in _KEPT)
        ]
        hint = "\n  ".join(lines) or (error.hint and HINT)
        raise DataError(error.message, where=error.where, allowed=error.allowed, hint=hint) from error


def _recognise(place: Path, target: str | None) -> Recognition:
    if not os.path.exists(place):  # noqa: PTH110 - Path.exists raises for a name the system refuses
        raise DataError("there is nothing", where=str(place), hint=HINT)
    if os.path.isfile(place):  # noqa: PTH113
        return _of_table(place, target)
    folder = _descend(place)
    notes = [f"the data begins in {folder}: there is nothing else in {place}"] if folder != place else []
    found = _by_files(folder, [target] if target else TOLD_BY_FILES)
    if found:
        begins, kind, format = found[0]
        notes += [f"its annotations begin in {begins}"] if begins != folder else []
        options: Keys = {}
    else:
        begins = folder
        kind, format, options, more = _by_tables(folder, target)
        notes += more
    samples = _read(begins, kind, format, options)
    if not target and format == "folders":
        _check_classes(samples, folder)
    others = [other for place, other, name in found[1:] if other != kind and _is_readable(place, other, name)]
    if found and not target:
        others += [other for other in ("labels", "values") if _can_be_read(folder, other)]
    return Recognition(
        folder=begins,
        target=kind,
        format=format,
        samples=samples,
        options=options,
        notes=(*notes, *samples.notes),
        others=tuple(dict.fromkeys(others)),
    )


def _read(folder: Path, kind: str, format: str, options: Keys) -> Samples:
    """Return the samples; folders that are no classes may be of annotations that nothing knows.

    Raises:
        DataError: as the readers say it, with what the files here seem to be where class folders fail.
    """
    try:
        return read_samples(folder, format, target=kind, **options)  # type: ignore[arg-type]
    except DataError as error:
        seen = clues(folder) if format == "folders" and "--task" not in error.hint else []
        hint = "\n  ".join(filter(None, [*seen, error.hint]))
        raise DataError(error.message, where=error.where, allowed=error.allowed, hint=hint) from error


def _check_classes(samples: Samples, folder: Path) -> None:
    """Pass if no folder that is taken for a class has a name that folders of images or annotations have.

    Raises:
        DataError: one has: the other one holds no class either, but something about its images.
    """
    if odd := [label for label in samples.labels if label.lower() in NO_CLASSES]:
        message = f"nothing tells what the images in '{odd[0]}' are; it would be a class beside {samples.labels}"
        hint = "\n  ".join([*clues(folder), "if these folders are classes: --task classification"])
        raise DataError(message, where=str(folder), allowed="a folder of images per class, or annotations", hint=hint)


def _is_readable(folder: Path, kind: str, format: str) -> bool:
    """Tell whether annotations of another kind can be trained on: only these are offered."""
    try:
        return len(read_samples(folder, format, target=kind)) > 0
    except DataError:
        return False


def _by_files(folder: Path, kinds: Sequence[str]) -> list[tuple[Path, str, str]]:
    """Return folder, kind and format of annotations in files of their own, here or in the one folder with such."""
    found = []
    for kind in (kind for kind in TOLD_BY_FILES if kind in kinds):
        if name := _format(folder, kind):
            found.append((folder, kind, name))
            continue
        below = [(path, kind, name) for path in list_folders(folder) if (name := _format(path, kind))]
        found += below if len(below) == 1 else []
    return found


def _format(folder: Path, kind: str) -> str:
    options = Options(target=kind)
    return next((name for name in NAMES[kind] if get_reader(name, kind).detect(folder, options)), "")


def _by_tables(folder: Path, target: str | None) -> tuple[str, str, Keys, list[str]]:
    """Return kind, format and options of a table or of class folders, and how they were found."""
    if target in ("boxes", "mask"):
        return target, detect(folder, Options(target=target)), {}, []
    if target in (None, "label") and get_reader("idx").detect(folder, Options()):
        return "label", "idx", {}, []
    if found_by_tool := _by_tool(folder, target):
        return *found_by_tool, {}, []
    has_classes = _has_class_folders(folder)
    found, problems = _columns_in(folder, target, can_guess=not has_classes)
    is_usual = target in (None, "label") and get_reader("csv").detect(folder, Options())
    if is_usual and not (found and found[0] == "labels" and found[1]["label_column"] == "label"):
        return "label", detect(folder, Options()), {}, []
    if found and (target or found[0] == "label" or is_usual or not has_classes):
        kind, options = found
        shown = options.get("label_column", "")
        labels = shown if isinstance(shown, str) else "', '".join(shown)
        note = f"a table names the images in column '{options['path_column']}', labels in '{labels}'"
        return kind, "csv", options, [note]
    if problems and not has_classes and not (_has_candidates(folder) and isinstance(problems[0], NoImagesError)):
        raise problems[0]
    kind = target or "label"
    is_asked = target is not None
    format = detect(folder, Options(target=kind), is_asked=is_asked) if is_asked or _has_candidates(folder) else ""
    if not format or (format == "folders" and not _has_candidates(folder)):
        raise no_format(folder, [target] if target else list(NAMES))
    return kind, format, {}, []


def _by_tool(folder: Path, target: str | None) -> tuple[str, str] | None:
    """Return kind and format of a tool's export with labels of whole images."""
    kinds = {"label", "labels"} & ({target} if target else {"label", "labels"})
    options = Options(target=min(kinds, default=""))
    if kinds and label_studio.detect(folder, options):
        return target or ("labels" if label_studio.has_several(folder, options) else "label"), "label_studio"
    has_classes = any(path.parent.name.lower() in SPLITS for path in folder.glob(f"*/{_CLASSES}"))
    return ("labels", "csv") if "labels" in kinds and has_classes else None


def _has_candidates(folder: Path) -> bool:
    """Tell whether any folder may be a class, right here or in those of splits."""
    below = list_folders(folder)
    splits = [path for path in below if path.name.lower() in SPLITS]
    inner = [path for split in splits for path in list_folders(split)]
    return any(path.name.lower() not in NO_CLASSES for path in (*inner, *(set(below) - {*splits})))


def _has_class_folders(folder: Path) -> bool:
    """Tell whether there are two or more folders that may be classes, right here or in those of splits."""
    below = [path for path in list_folders(folder) if path.name.lower() in SPLITS] or [folder]
    names = {path.name.lower() for place in below for path in list_folders(place)} - SPLITS
    return len(names) > 1 and not names & NO_CLASSES


def _of_table(file: Path, target: str | None) -> Recognition:
    """Return the data a table names.

    Raises:
        DataError: it is no table, or has no columns of images and labels.
    """
    if file.suffix.lower() == ".csv" and (via.is_via(file) or open_images.is_open_images(file)):
        return _recognise(file.parent, target)
    kind, columns = columns_for(tables.read_table(file), target)
    options: Keys = {"labels_file": file.name, **columns}
    samples = read_samples(file.parent, "csv", target=kind, **options)  # type: ignore[arg-type]
    return Recognition(
        folder=file.parent, target=kind, format="csv", samples=samples, options=options, notes=samples.notes
    )


def _descend(folder: Path) -> Path:
    """Return the folder in which the data begins, below ones that hold nothing but the next."""
    for _ in range(MAX_LEVELS):
        below = _entries(folder, is_folder=True)
        if len(below) != 1 or below[0].name.lower() in SPLITS or _holds(folder, (*SUFFIXES, *tables.SUFFIXES)):
            return folder
        # A folder of images alone is one class.
        if not (_holds(below[0], tables.SUFFIXES) or _entries(below[0], is_folder=True)):
            return folder
        if any(_format(folder, kind) for kind in TOLD_BY_FILES):
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


def _columns_in(
    folder: Path, target: str | None, *, can_guess: bool
) -> tuple[tuple[str, Keys] | None, list[DataError]]:
    """Return kind and columns of the first table here that annotates images, or what is wrong with those there are.

    Problems of tables that are about images come first.
    """
    problems = []
    for file in _entries(folder, is_folder=False):
        if file.suffix.lower() not in tables.SUFFIXES:
            continue
        try:
            kind, options = columns_for(tables.read_table(file), target, folder, can_guess=can_guess)
        except DataError as error:
            problems.append(error)
            continue
        is_split = file.stem.lower() in SPLITS  # the reader takes all of them
        return (kind, options if is_split or kind == "label" else {"labels_file": file.name, **options}), []
    return None, sorted(problems, key=lambda error: isinstance(error, NoImagesError))


def _can_be_read(folder: Path, target: str) -> bool:
    """Tell whether a table here has annotations of a kind that a training would accept."""
    found, _ = _columns_in(folder, target, can_guess=False)
    try:
        return found is not None and len(read_samples(folder, "csv", target=target, **found[1])) > 0  # type: ignore[arg-type]
    except DataError:
        return False
