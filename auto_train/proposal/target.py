"""Which file `init` writes and where its data is. Loads no torch: mistakes in these are told at once."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from auto_train.config import default_config
from auto_train.data.inspect.recognise import Recognition
from auto_train.errors import DataError, UsageError
from auto_train.proposal.choice import Choice
from auto_train.registry import Recipe
from auto_train.types import to_absolute

MAX_LETTERS = 40
# Names of folders that say nothing about what is in them.
_GENERIC = """
annotations archive data dataset datasets desktop documents downloads export files home image images img imgs input
jpegimages labels media mnt opt photos raw srv test testing tmp train training users val valid validation
"""
GENERIC = frozenset(_GENERIC.split())
WORDS = {
    "label": "one class for each image",
    "labels": "any number of labels for each image",
    "values": "numbers for each image",
    "boxes": "boxes on images",
    "mask": "a class for every pixel",
}
# The recipe for each kind of annotations.
TASKS = {
    "label": "classification",
    "labels": "multilabel",
    "values": "regression",
    "boxes": "object_detection",
    "mask": "segmentation",
}
# Why an INI names a part of a table.
PARTS = {
    "labels_file": "the table, told by its columns",
    "path_column": "the column whose cells name image files",
    "label_column": "what is learnt, in the table's own words",
}


def target(place: Path | str, output: Path | None, *, force: bool) -> tuple[str, Path]:
    """Return the project's name and the INI.

    Args:
        place: folder of the data, or a table of labels.
        output: the INI; None: named after the folder, in the working directory.
        force: replace the INI if it is there.

    Raises:
        UsageError: it is there already.
    """
    folder = to_absolute(place)
    name = project_name(find_telling_name(folder.parent if os.path.isfile(folder) else folder))  # noqa: PTH113 - any text
    path = output or Path(f"{name}.ini")
    if os.path.lexists(path) and not force:
        raise UsageError("is there already", where=str(to_absolute(path)), hint="--force replaces it, -o names another")
    return name, path


def find_telling_name(folder: Path) -> str:
    """Return the name of a folder, or where it says no more than ``images`` does, of the next one that says more.

    That is the only one in it, where the data then begins, or one above it.
    """
    home = Path.home()
    for place in (folder, *_find_only_folders(folder), *folder.parents):
        if place in (home, home.parent):
            break
        if place.name and place.name.lower() not in GENERIC:
            return place.name
    return folder.name


def _find_only_folders(folder: Path) -> Iterator[Path]:
    """Yield the folder that is all there is in this one, and so on downwards."""
    while os.path.isdir(folder):  # noqa: PTH112 - any text
        inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
        if len(inside) != 1 or not inside[0].is_dir():
            return
        folder = inside[0]
        yield folder


def project_name(folder: str) -> str:
    """Return a folder's name as letters, digits and - of ASCII, for paths, addresses and labels of every system."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:MAX_LETTERS].rstrip("-") or "project"


def target_of(recipe: Recipe) -> str:
    """Return the kind of annotations a recipe asks for."""
    return str(default_config(recipe.name).project.data.target)


def list_other_tasks(found: Recognition) -> tuple[str, ...]:
    """Return a note of what else could be learnt from the same data, or nothing."""
    if not found.others:
        return ()
    names = " or ".join(f"--task {TASKS[kind]}" for kind in found.others)
    words = " and ".join(WORDS[kind] for kind in found.others)
    return (f"the data has {words} too: {names} learns that",)


def data_choices(place: Path | str, found: Recognition, *, name: str, task: str) -> list[Choice]:
    """Return the lines that tell where the data is and how it is read.

    Args:
        place: as the user has named it: a path relative to the working directory stays one.
        name, task: of the project.

    Raises:
        DataError: the folder's name is none that an INI can hold.
    """
    is_relative = not Path(place).expanduser().is_absolute()
    folder = os.path.relpath(found.folder) if is_relative else str(found.folder)
    try:
        folder.encode()
    except UnicodeEncodeError as error:
        raise DataError("is no UTF-8 text, so no INI can hold it", where=repr(folder), hint="rename it") from error
    columns = [
        Choice(key=f"project.data.{key}", value=value, why=PARTS.get(key, "what the data itself calls it"))
        for key, value in found.options.items()
    ]
    return [
        Choice(key="project.name", value=name, why="after the data's folder; runs and models lie in projects/<name>"),
        Choice(key="project.type", value=task, why=f"the recipe, for {WORDS.get(found.target, found.target)}"),
        Choice(key="project.data.format", value=found.format, why="what lies there now; auto looks anew each time"),
        *columns,
        Choice(key="training.dir", value=folder, why="read in place, never written to"),
    ]
