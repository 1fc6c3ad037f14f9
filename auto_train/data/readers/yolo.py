"""YOLO: a text file for each image, with a line of class number, centre, width and height for each box."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.image import SUFFIXES, image_size
from auto_train.data.readers.base import Options
from auto_train.data.readers.boxes import Annotated, Box, box_samples, refuse
from auto_train.data.readers.classes import names_in
from auto_train.data.readers.numbers import number_in
from auto_train.data.readers.places import image_folders, images_below, inner_splits, split_folders
from auto_train.errors import DataError, ImageError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "labels/ with a text file for each image of images/ (YOLO)"
# Suffixes of annotations in other formats.
OTHERS = (".xml", ".json", ".csv")
CLASS_FILES = ("classes.txt", "det_classes.txt", "obj.names", "classes.names", "labels.txt")
CONFIG_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
# Images that are looked for a file of labels, to tell the format.
LOOKED_AT = 100


@dataclass(frozen=True)
class _Place:
    """A folder of images and that of their labels."""

    split: str
    images: Path
    labels: Path


def detect(folder: Path, options: Options) -> bool:
    """Return True if images have text files of their stems, in a folder of labels beside theirs or in their own."""
    return any(_has_labels(place) for place in _places(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images with their boxes. An empty file says that there are none on the image, and so does no file.

    Numbers are shares of the image's sides. A line with more than four of them is an outline, whose box is taken. Class
    names are those of data.yaml, classes.txt, det_classes.txt, obj.names or of the INI, by their numbers.

    Raises:
        DataError: no labels, no class names; lines that are none, unknown numbers, labels without an image: all.
    """
    places = _places(folder, options)
    names, source = _names(folder, options)
    problems: list[str] = []
    pairs = [pair for place in places for pair in _pairs(place, problems)]
    if not pairs:
        raise DataError("no image beside a folder of labels", where=str(folder), allowed=LOOKS)
    rows = _annotated(pairs, names, problems)
    refuse(problems, folder)
    bare = sum(row.file is None for row in rows)
    warnings = [f"{folder}: {bare} images have no file of labels and count as images without boxes"] if bare else []
    notes = [f"class names are those of {source}"]
    return box_samples(rows, folder, options, names=names, warnings=warnings, notes=notes)


def _has_labels(place: _Place) -> bool:
    """Tell whether the first file of labels holds what such a file does; a caption beside an image does not."""
    some = islice(images_below(place.images, SUFFIXES), LOOKED_AT)
    files = (place.labels / path.relative_to(place.images).with_suffix(".txt") for path in some)
    filled = (file for file in files if file.is_file() and file.stat().st_size)
    return (first := next(filled, None)) is not None and _holds_labels(first)


def _holds_labels(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as opened:
        cells = opened.readline().split()
    return len(cells) >= 5 and cells[0].isdecimal() and all(number_in(text) is not None for text in cells)


def _places(folder: Path, options: Options) -> list[_Place]:
    """Return the folders of images that have one of labels: named labels beside it, or with the same files."""
    if options.images_dir:
        return _inner("", options.images_dir, options.annotations_file or _labels_of(options.images_dir))
    bases = split_folders(folder, options)
    found = [place for split, base in bases for images in image_folders(base) for place in _at(split, images, options)]
    if found:
        return found
    apart = [place for split, base in bases if split for place in _at(split, base, options)]
    return apart or _at("", folder, options)


def _at(split: str, images: Path, options: Options) -> list[_Place]:
    return _inner(split, images, options.annotations_file or _labels_of(images))


def _inner(split: str, images: Path, labels: Path) -> list[_Place]:
    if not labels.is_dir():
        return []
    inner = [] if split else inner_splits(images, labels)
    return [_Place(*one) for one in inner] or [_Place(split, images, labels)]


def _labels_of(images: Path) -> Path:
    """Return the folder labels/ beside or in a folder of images, or the folder itself."""
    return next((path for path in (images.parent / "labels", images / "labels") if path.is_dir()), images)


def _names(folder: Path, options: Options) -> tuple[list[str], str]:
    """Return the class names by number, and where they are from.

    Raises:
        DataError: nothing tells them.
    """
    for path in (folder / name for name in CONFIG_FILES):
        if path.is_file() and (names := _yaml_names(path)):
            return names, str(path)
    names, file = names_in(folder, CLASS_FILES)
    if file:
        return names, str(file)
    if options.classes:
        return list(options.classes), "[project] classes"
    allowed = f"names in {CONFIG_FILES[0]}, or one class a line in {', '.join(CLASS_FILES)}"
    raise DataError("nothing tells the names of the classes", where=str(folder), allowed=allowed,
                    hint="or name them in [project] classes, in the order of their numbers")  # fmt: skip


def _yaml_names(path: Path) -> list[str]:
    """Return the ``names`` of a YAML file: a list, or a mapping from numbers.

    Raises:
        DataError: they are something else.
    """
    import yaml

    try:
        content: Any = yaml.safe_load(path.read_bytes())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from error
    found = content.get("names") if isinstance(content, Mapping) else None
    if isinstance(found, Mapping) and sorted(found) == list(range(len(found))):
        found = [found[number] for number in range(len(found))]
    if found is None:
        return []
    names = [str(name) for name in found] if isinstance(found, Sequence) and not isinstance(found, str) else []
    if not names or len(set(names)) < len(names):
        message = "names are no list of different names, nor a mapping from 0, 1, 2 … to them"
        raise DataError(message, where=str(path))
    return names


def _pairs(place: _Place, problems: list[str]) -> Iterator[tuple[str, Path, Path]]:
    """Yield split, image and the place of its labels, whether they are there or not."""
    stems: dict[str, Path] = {}
    for path in images_below(place.images, SUFFIXES):
        stem = str(path.relative_to(place.images).with_suffix(""))
        if stem in stems:
            problems.append(f"{path.name}: of one name with {stems[stem].name}, so labels would be of both")
        stems[stem] = path
    for path in images_below(place.labels, [".txt", *OTHERS]):
        is_of_image = str(path.relative_to(place.labels).with_suffix("")) in stems
        if path.suffix.lower() in OTHERS and is_of_image:
            problems.append(f"{path.name}: of another format beside files of labels in {place.labels}")
        elif path.suffix.lower() == ".txt" and not is_of_image and _holds_labels(path):
            problems.append(f"{path.name}: no image of this name in {place.images}")
    yield from ((place.split, path, place.labels / f"{stem}.txt") for stem, path in stems.items())


def _annotated(pairs: Sequence[tuple[str, Path, Path]], names: Sequence[str], problems: list[str]) -> list[Annotated]:
    from auto_train.data.parallel import in_order, new_pool

    rows = []
    with new_pool("labels") as pool:
        for pair, (boxes, wrong) in zip(
            pairs, in_order(pool, lambda pair: _read(pair[1], pair[2], names), pairs, ahead=256), strict=True
        ):
            problems += wrong
            split, image, file = pair
            rows.append(Annotated(path=image, boxes=boxes or (), file=None if boxes is None else file, split=split))
    return rows


def _read(image: Path, file: Path, names: Sequence[str]) -> tuple[list[Box] | None, list[str]]:
    """Return the boxes of a file, None where there is none, and what is wrong in it."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return None, []
    except (OSError, ValueError) as error:
        return [], [f"{file.name}: cannot be read: {error}"]
    if not any(map(str.strip, lines)):
        return [], []
    try:
        width, height = image_size(image)
    except (ImageError, OSError):
        return [], []  # the doctor names it
    found = [_box(line, number, names) for number, line in enumerate(lines, 1) if line.strip()]
    boxes = [
        one._replace(left=one.left * width, top=one.top * height, right=one.right * width, bottom=one.bottom * height)
        for one in found
        if isinstance(one, Box)
    ]
    return boxes, [f"{file.name}:{one}" for one in found if isinstance(one, str)]


def _box(line: str, number: int, names: Sequence[str]) -> Box | str:
    """Return a box in shares of the image, or what is wrong behind the line's number."""
    first, *rest = line.split()
    values = [value for text in rest if (value := number_in(text)) is not None]
    is_outline = len(rest) >= 6 and len(rest) % 2 == 0
    if len(values) < len(rest) or not (len(rest) == 4 or is_outline):
        return f"{number}: '{line.strip()[:60]}' is no class number and four numbers"
    if not first.isdecimal() or int(first) >= len(names):
        return f"{number}: class '{first}' is none of the {len(names)} classes, 0 to {len(names) - 1}"
    if is_outline:
        across, down = values[::2], values[1::2]
        return Box(names[int(first)], min(across), min(down), max(across), max(down), number)
    x, y, width, height = values
    return Box(names[int(first)], x - width / 2, y - height / 2, x + width / 2, y + height / 2, number)
