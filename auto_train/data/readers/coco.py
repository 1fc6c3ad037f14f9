"""COCO's JSON files: which of them belong to a data set, and what is in one, every problem with its number."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auto_train.data.readers.base import SPLIT_OF, Options
from auto_train.data.readers.contents import holds
from auto_train.data.readers.numbers import side_in
from auto_train.data.readers.places import Places, list_folders, shorten_name, split_folders, warn_of_unused_images
from auto_train.errors import DataError
from auto_train.types import normalise_text

LOOKS = "JSON files with images, annotations and categories (COCO)"
_Content = Mapping[str, Sequence[Mapping[str, Any]]]
_KEYS = ("images", "annotations", "categories")
# A name and the colon behind it: a class may be called so, too.
_KEY = re.compile(r'"(\w+)"\s*:')
# Bytes of a file that are read to tell what it is.
_HEAD = 2**16


@dataclass
class CocoImage:
    """An image of a file: where it is, its size as the file says, and its annotations with their numbers from 1."""

    path: Path
    file: Path
    split: str
    width: int = 0
    height: int = 0
    annotations: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Coco:
    """The images of all files, the names of categories by id, what was understood, and what is wrong so far."""

    images: list[CocoImage]
    names: dict[int, str]
    notes: list[str]
    warnings: list[str]
    problems: list[str]


def find_files(folder: Path, options: Options) -> list[tuple[str, Path]]:
    """Return split and path of each file; the split is told by its folder or its name.

    Raises:
        DataError: several that may be meant for one split.
    """
    if options.annotations_file and options.annotations_file.is_file():
        return [(_split_of(options.annotations_file), options.annotations_file)]
    if options.annotations_file:
        places = [("", options.annotations_file)]
    else:
        inner = [path for path in list_folders(folder) if path.name.lower() == "annotations"]
        places = [*split_folders(folder, options), *(("", path) for path in inner)]
    found = _in_places(places)
    if not found and not options.annotations_file:
        found = _in_places([("", path) for path in list_folders(folder)])
    return [(split, _only(paths, folder)) for split, paths in found.items()]


def _in_places(places: Sequence[tuple[str, Path]]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for split, place in places:
        for path in sorted(place.glob("*.json")):
            if _is_coco(path):
                found.setdefault(split or _split_of(path), []).append(path)
    return found


def read_files(folder: Path, options: Options) -> Coco:
    """Return what the files hold, images searched.

    Ids that are there twice or belong to nothing and missing images are problems, to be refused with those of the
    annotations.

    Raises:
        DataError: no file, no annotation at all.
    """
    files = find_files(folder, options)
    if not files:
        raise DataError("no COCO file here", where=str(folder), allowed=LOOKS)
    places, problems = Places(folder, options), list[str]()
    names: dict[int, str] = {}
    groups: list[str] = []
    images: list[CocoImage] = []
    for split, file in files:
        content = _load(file)
        groups += _add_names(names, content, file, problems)
        images += _images(content, file, split, places, problems)
    seen: dict[Path, CocoImage] = {}
    for image in images:
        if seen.setdefault(image.path, image) is not image:
            problems.append(f"{shorten_name(image.file)}: {image.path.name} is there a second time, as another image")
    if not problems and not any(image.annotations for image in images):
        where = files[0][1] if len(files) == 1 else folder
        hint = "name another file in [training.data] annotations_file"
        raise DataError(f"{len(images)} images and no annotations", where=str(where), hint=hint)
    shown = ", ".join(f"{file} ({split or 'no split'})" for split, file in files)
    notes = [f"annotations are those of {shown}", *places.notes]
    if left := sorted({*groups} - {*names.values()}):
        notes.append(f"categories that only group others are no classes: {', '.join(left)}")
    return Coco(
        images,
        dict(sorted(names.items())),
        notes,
        warn_of_unused_images([image.path for image in images], "are in no COCO file"),
        problems,
    )


def says(image: CocoImage, number: int, text: str) -> str:
    """Return a problem of an annotation with its place."""
    return f"{shorten_name(image.file)}: annotation {number} of {image.path.name}: {text}"


def name_of(coco: Coco, image: CocoImage, number: int, one: Mapping[str, Any], problems: list[str]) -> str:
    """Return the class name of an annotation, "" with a problem more where its category is unknown."""
    found = one.get("category_id")
    name = coco.names.get(found, "") if isinstance(found, int) else ""
    if not name:
        problems.append(says(image, number, f"category_id {found!r} is not among the categories"))
    return name


def _split_of(path: Path) -> str:
    words = re.findall("[a-z]+", path.stem.lower())
    return next((SPLIT_OF[word] for word in words if word in SPLIT_OF), "")


def _is_coco(path: Path) -> bool:
    """Tell by a file's beginning whether it holds objects in images: no panoptic segments, no captions."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    text = head.decode(json.detect_encoding(head), errors="replace").removeprefix("\ufeff")
    # A whole file without images is a list of classes, as notes.json beside Label Studio's YOLO files.
    keys = (*_KEYS, "info", "licenses") if len(head) == _HEAD else _KEYS[:2]
    found = {*_KEY.findall(text)} if text.lstrip()[:1] == "{" else set()
    is_other = "segments_info" in found or ("caption" in found and not holds(path, '"bbox"'))
    return bool(found & {*keys}) and not is_other


def _only(paths: Sequence[Path], folder: Path) -> Path:
    named = [path for path in paths if "instances" in path.stem.lower()]
    if len(paths) == 1 or len(named) == 1:
        return (named or paths)[0]
    names = ", ".join(path.name for path in paths)
    hint = "name the one that is meant in [training.data] annotations_file"
    raise DataError(f"several COCO files: {names}", where=str(folder), hint=hint)


def _load(file: Path) -> _Content:
    try:
        content = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        raise DataError(f"is no JSON: {error.msg}", where=f"{file}:{error.lineno}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    for key in _KEYS:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DataError(f"has no list '{key}' of objects", where=str(file), allowed=", ".join(_KEYS))
    return content


def _add_names(names: dict[int, str], content: _Content, file: Path, problems: list[str]) -> list[str]:
    """Add the names of categories by id; return those that are no classes.

    Exports of Roboflow begin with a category that is above all others, often of the same name as one of them.
    """
    used = {key for one in content["annotations"] if isinstance(key := one.get("category_id"), int)}
    above = {normalise_text(str(one.get("supercategory"))) for one in content["categories"]}
    own: set[int] = set()
    groups = []
    for number, one in enumerate(content["categories"], 1):
        key, name = one.get("id"), normalise_text(str(one.get("name") or "").strip())
        if not isinstance(key, int) or not name:
            problems.append(f"{shorten_name(file)}: category {number} has no id or no name")
        elif key not in used and name in above and one.get("supercategory") != name:
            groups.append(name)
        elif key in own or names.get(key, name) != name or (key not in names and name in names.values()):
            problems.append(
                f"{shorten_name(file)}: category {number}: id {key} or name '{name}' stands for another one before"
            )
        else:
            own.add(key)
            names[key] = name
    return groups


def _images(content: _Content, file: Path, split: str, places: Places, problems: list[str]) -> Iterator[CocoImage]:
    by_id: dict[Any, CocoImage] = {}
    for number, one in enumerate(content["images"], 1):
        key, name = one.get("id"), one.get("file_name")
        if not isinstance(key, int | str) or not isinstance(name, str) or not name:
            problems.append(f"{shorten_name(file)}: image {number} has no id or no file_name")
            continue
        path, problem = places.locate(name, file.parent, split)
        if problem:
            problems.append(f"{shorten_name(file)}: image {number}: {problem} ({name})")
        if key in by_id:
            problems.append(
                f"{shorten_name(file)}: image {number}: id {key} is that of {by_id[key].path.name} too ({name})"
            )
        by_id[key] = CocoImage(path, file, split, side_in(one.get("width")), side_in(one.get("height")))
    for number, one in enumerate(content["annotations"], 1):
        key = one.get("image_id")
        if not isinstance(key, int | str) or (image := by_id.get(key)) is None:
            problems.append(f"{shorten_name(file)}: annotation {number}: image_id {key!r} is that of no image")
        else:
            image.annotations.append((number, one))
    yield from by_id.values()
