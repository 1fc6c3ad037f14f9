"""data.yaml or obj.data of a YOLO data set: the names of its classes, its poses, and where its splits are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auto_train.data.readers.base import SPLIT_OF, Options
from auto_train.data.readers.darknet import data_file, lists_in, names_of, place_of, read_keys
from auto_train.data.readers.places import Places
from auto_train.data.readers.yolo_lines import Pose
from auto_train.errors import DataError, format_list
from auto_train.types import normalise_text, to_absolute

CONFIG_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_PLACES = "folders of images, or .txt files with an image a line"


@dataclass(frozen=True, kw_only=True)
class NamedSplit:
    """What a split is in the file.

    Attributes:
        split, text: as written there.
        path: where that is, absolute; not there: the likeliest place.
        line: of the key.
    """

    split: str
    text: str
    path: Path
    line: int


@dataclass(frozen=True, kw_only=True)
class YoloConfig:
    """A data.yaml, an obj.data, or lists of images alone.

    Attributes:
        file: the path of it; of lists alone the first one's.
        root: folder that its paths are relative to, absolute.
        names: of the classes by number; none: it has none.
        splits: the places it names, in its order.
        pose: what ``kpt_shape`` says of the points behind each box; None: nothing.
    """

    file: Path
    root: Path
    names: list[str]
    splits: list[NamedSplit]
    pose: Pose | None = None


def read_config(folder: Path) -> YoloConfig | None:
    """Return the data.yaml of a folder, else its obj.data or lists of images; None where none says anything.

    Raises:
        DataError: it is no YAML; names or places are something else.
    """
    found = (config for name in CONFIG_FILES if (folder / name).is_file() and (config := _read(folder / name)))
    config = next(found, None) or _darknet(folder)
    lists = [NamedSplit(split=split, text=path.name, path=path, line=1) for split, path in lists_in(folder)]
    if config and (config.splits or not lists):
        return config
    if config:
        return replace(config, splits=lists)
    return YoloConfig(file=lists[0].path, root=folder, names=[], splits=lists) if lists else None


def _darknet(folder: Path) -> YoloConfig | None:
    """Return what obj.data says; None where there is none."""
    file = data_file(folder)
    if not file:
        return None
    keys = read_keys(file)
    splits = [
        NamedSplit(split=SPLIT_OF[key], text=text, path=place_of(text, folder), line=line)
        for key, (text, line) in keys.items()
        if SPLIT_OF.get(key)
    ]
    return YoloConfig(file=file, root=folder, names=names_of(keys, file), splits=splits)


def places_of(config: YoloConfig) -> tuple[list[NamedSplit], list[str]]:
    """Return the places that are there, and warnings of others; none at all: the file is from another machine.

    Raises:
        DataError: some are there, and one to train on or to validate with is not.
    """
    there = [one for one in config.splits if _exists(one.path)]
    away = [f"{config.file}:{one.line}: {one.split} is '{one.text}', and there is no {one.path}"
            for one in config.splits if not _exists(one.path)]  # fmt: skip
    if not there:
        return [], [f"{text}; the splits are those of the folders" for text in away]
    missing = [one for one in config.splits if not _exists(one.path) and one.split != "test"]
    if missing:
        hint = "correct the path, which is relative to 'path' or else to the file, or remove the line"
        first = missing[0]
        hint += "; without 'val' a validation split is drawn" if first.split == "valid" else ""
        raise DataError(f"{first.split} is '{first.text}', and there is no {first.path}",
                        where=f"{config.file}:{first.line}", allowed=_PLACES, hint=hint)  # fmt: skip
    return there, away


def read_image_list(one: NamedSplit, config: YoloConfig) -> list[Path]:
    """Return the images a list names: one a line, absolute, or relative to the list or to the data.

    Raises:
        DataError: the list cannot be read; images that are not there, all of them with their lines.
    """
    try:
        lines = [line.strip() for line in one.path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(one.path), allowed=_PLACES) from error
    roots, places = (one.path.parent, config.root, config.file.parent), Places(config.root, Options())
    found: list[Path] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        path, problem = _locate(line, roots, places) if line else (None, "")
        problems += [f"{one.path.name}:{number}: {problem} ({line})"] if problem else []
        found += [path] if path else []
    if problems:
        message, hint = format_list(f"{len(problems)} images are not there", problems), "correct or remove the lines"
        raise DataError(message, where=str(one.path), allowed="paths relative to the list or to the data", hint=hint)
    return found


def _locate(line: str, roots: Sequence[Path], places: Places) -> tuple[Path, str]:
    """Return the image a line names and "", or where it should be and what is wrong."""
    paths = (to_absolute(root / line) for root in roots)
    path = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - as _exists
    return (path, "") if path else places.locate(line, roots[0])


def _read(file: Path) -> YoloConfig | None:
    import yaml

    try:
        content: Any = yaml.safe_load(file.read_bytes())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    if not isinstance(content, Mapping):
        return None
    root = file.parent
    if isinstance(content.get("path"), str) and os.path.isdir(named := _place(content["path"], root)):  # noqa: PTH112
        root = named
    names, splits = _names(content.get("names"), file), list(_splits(content, file, root))
    pose = _pose(content.get("kpt_shape"), file)
    return YoloConfig(file=file, root=root, names=names, splits=splits, pose=pose) if names or splits or pose else None


def _pose(found: Any, file: Path) -> Pose | None:
    """Return what kpt_shape says.

    Raises:
        DataError: it is something else than the number of points and 2 or 3.
    """
    if found is None:
        return None
    numbers = found if isinstance(found, list) and all(type(number) is int for number in found) else []
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] not in (2, 3):
        allowed = "[number of points, 2] for x and y of each, [number of points, 3] with a flag behind"
        raise DataError(f"kpt_shape is {found!r}", where=str(file), allowed=allowed)
    return Pose(*numbers)


def _names(found: Any, file: Path) -> list[str]:
    if isinstance(found, Mapping):
        by_number = {str(number): name for number, name in found.items()}
        found = [by_number.get(str(number), "") for number in range(len(found))]
    if found is None:
        return []
    names = (
        [normalise_text(str(name)) for name in found]
        if isinstance(found, Sequence) and not isinstance(found, str)
        else []
    )
    if not all(names) or len(set(names)) < max(len(names), 1):
        message = "names are no list of different names, nor a mapping from 0, 1, 2 … to them"
        raise DataError(message, where=str(file))
    return names


def _splits(content: Mapping[Any, Any], file: Path, root: Path) -> Iterator[NamedSplit]:
    """Yield the places of the keys train, val and test.

    Raises:
        DataError: one that is no text.
    """
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for key, value in content.items():
        split = SPLIT_OF.get(str(key).lower(), "")
        if not split or not value:
            continue
        line = next((number for number, text in enumerate(lines, 1) if text.startswith(f"{key}:")), 1)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
            raise DataError(f"{key} is {value!r}", where=f"{file}:{line}", allowed=_PLACES)
        yield from (NamedSplit(split=split, text=text, path=_place(text, root), line=line) for text in texts)


def _place(text: str, root: Path) -> Path:
    """Return where a path leads: exports are known to have one ``../`` too many."""
    path = to_absolute(root / os.path.expanduser(text))  # noqa: PTH111 - Path's own fails for an unknown ~user
    other = to_absolute(root / text.removeprefix("../"))
    return other if not _exists(path) and _exists(other) else path


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises for a name the system refuses
