"""YOLO: a text file for each image, with a line of class number, centre, width and height for each box."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.image import SUFFIXES, image_size
from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import SPLIT_NAMES, Options
from auto_train.data.readers.boxes import box_samples, refuse
from auto_train.data.readers.classes import names_in
from auto_train.data.readers.places import (
    IMAGE_FOLDERS,
    image_folders,
    inner_splits,
    list_images_below,
    shorten_name,
    split_folders,
    warn_of_unused_images,
)
from auto_train.data.readers.yolo_config import CONFIG_FILES, YoloConfig, places_of, read_config, read_image_list
from auto_train.data.readers.yolo_lines import Pose, box_in, detect_form, holds_labels
from auto_train.errors import DataError, ImageError
from auto_train.types import match_disk_spelling, normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "labels/ with a text file for each image of images/ (YOLO)"
# Suffixes of annotations in other formats.
OTHERS = (".xml", ".json", ".csv")
CLASS_FILES = ("classes.txt", "det_classes.txt", "obj.names", "classes.names", "labels.txt")
# Names of folders of labels, the first in any case where there are several.
LABEL_FOLDERS = ("labels", "label", "txt", "yolo")
# Images that are looked for a file of labels, to tell the format.
LOOKED_AT = 100


_Pair = tuple[str, Path, Path]


@dataclass(frozen=True)
class _Place:
    """A folder of images and that of their labels."""

    split: str
    images: Path
    labels: Path


@dataclass(frozen=True, kw_only=True)
class _Data:
    """Where the images and their labels are.

    Attributes:
        places: folders of them.
        pairs: split, image and place of its labels, of single images.
        warnings, notes: what was understood.
    """

    places: Sequence[_Place] = ()
    pairs: Sequence[_Pair] = ()
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()

    def label_files(self) -> Iterator[Path]:
        return (file for _, _, file in self.pairs[:LOOKED_AT] if file.is_file())


def detect(folder: Path, options: Options) -> bool:
    """Return True if images have text files of their stems, in a folder of labels beside theirs or in their own."""
    try:
        data = _find(folder, options, read_config(folder))
    except DataError:  # told when it is read
        data = _Data(places=_places(folder, options))
    return any(_has_labels(place) for place in data.places) or any(map(holds_labels, data.label_files()))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images with their boxes. An empty file says that there are none on the image, and so does no file.

    Numbers are shares of the image's sides. A line with more than four of them is an outline, whose box is taken, or a
    box and the points of a pose, as ``kpt_shape`` in data.yaml or the numbers themselves tell. Class names are those of
    data.yaml, obj.data, classes.txt, det_classes.txt, obj.names or of the INI, by their numbers. Splits are those of
    data.yaml, obj.data or lists of images, where these name places that are there, else the folders'.

    Raises:
        DataError: no labels, no class names; lines that are none, unknown numbers, labels without an image: all.
            Numbers that are pixels or corners.
    """
    config = read_config(folder)
    data = _find(folder, options, config)
    names, source = _names(folder, options, config)
    problems: list[str] = []
    found = [*(pair for place in data.places for pair in _pairs(place, problems)), *data.pairs]
    pairs = list(dict.fromkeys(found))  # lists may name an image twice
    _check_splits(pairs, config)
    if not pairs:
        raise DataError("no image beside a folder of labels", where=str(folder), allowed=LOOKS)
    files = [path for *_, file in pairs if (path := match_disk_spelling(file)).is_file()]
    form = detect_form(files, config.pose if config else None, config.file if config else None)
    rows = _read_annotated(pairs, names, problems, form.pose)
    refuse(problems, folder)
    bare = sum(row.file is None for row in rows)
    warnings = [*data.warnings, *form.warnings]
    warnings += [f"{folder}: {bare} images have no file of labels and count as images without boxes"] if bare else []
    notes = [*data.notes, *form.notes, f"class names are those of {source}"]
    return box_samples(rows, folder, options, names=names, warnings=warnings, notes=notes, are_pixels=True)


def _has_labels(place: _Place) -> bool:
    """Tell whether there are files of labels: a caption beside an image is none, an empty file in a folder apart is."""
    some = islice(list_images_below(place.images, SUFFIXES), LOOKED_AT)
    files = [match_disk_spelling(place.labels / path.relative_to(place.images).with_suffix(".txt")) for path in some]
    there = [file for file in files if file.is_file()]
    filled = [file for file in there if file.stat().st_size]
    return any(map(holds_labels, filled)) or (bool(there) and not filled and place.labels != place.images)


def _find(folder: Path, options: Options, config: YoloConfig | None) -> _Data:
    """Return the places that data.yaml names, else those of the folders; what the INI names counts more than both.

    Raises:
        DataError: data.yaml names some that are there and others that are not.
    """
    if not config or options.images_dir or options.annotations_file or options.split_dirs:
        return _Data(places=_places(folder, options))
    named, warnings = places_of(config)
    if not named:
        return _Data(places=_places(folder, options), warnings=warnings)
    folders = [
        (one.split, place) for one in named if one.path.is_dir() for place in image_folders(one.path) or [one.path]
    ]
    images = [(one.split, path) for one in named if not one.path.is_dir() for path in read_image_list(one, config)]
    labels = {place: _labels_for(place) for place in {path.parent for _, path in images}}
    pairs = [(split, path, labels[path.parent] / f"{path.stem}.txt") for split, path in images]
    return _Data(
        places=[_Place(split, place, _labels_for(place)) for split, place in folders],
        pairs=pairs,
        warnings=[
            *warnings,
            *(warn_of_unused_images([path for _, path in images], "are in no list") if not folders else []),
        ],
        notes=[f"splits are those of {config.file}"],
    )


def _labels_for(images: Path) -> Path:
    """Return the folder of labels: that with labels in place of the last images in its path, or as _labels_of."""
    parts = images.parts
    at = next((at for at in range(len(parts) - 1, 0, -1) if parts[at].lower() in IMAGE_FOLDERS), 0)
    other = Path(*parts[:at], "labels", *parts[at + 1 :]) if at else images
    return other if other.is_dir() else _labels_of(images)


def _check_splits(pairs: Sequence[_Pair], config: YoloConfig | None) -> None:
    """Pass if no image is in two splits.

    Raises:
        DataError: data.yaml names one place for two of them.
    """
    splits: dict[Path, str] = {}
    twice = [(path, splits[path], split) for split, path, _ in pairs if splits.setdefault(path, split) != split]
    if not twice:
        return
    path, *both = twice[0]
    one, other = sorted(both, key=list(SPLIT_NAMES).index)
    line = next((named.line for named in config.splits if named.split == other), 1) if config else 1
    hint = "name other images there, or remove the line"
    if other == "valid":
        hint += ": a validation split is drawn then, and also where [training.data] images_dir names the images"
    raise DataError(
        f"{len(twice)} images are in {one} and in {other}, {path} for one",
        where=f"{config.file}:{line}" if config else str(path.parent),
        allowed="images of its own for each split",
        hint=hint,
    )


def _places(folder: Path, options: Options) -> list[_Place]:
    """Return the folders of images that have one of labels: named labels beside it, or with the same files."""
    if options.images_dir:
        return _inner("", options.images_dir, options.annotations_file or _labels_for(options.images_dir))
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
    """Return the folder labels/ beside or in a folder of images, one of a like name, or the folder itself."""
    places = (place / name for name in LABEL_FOLDERS for place in (images.parent, images))
    return next((path for path in places if path.is_dir()), images)


def _names(folder: Path, options: Options, config: YoloConfig | None) -> tuple[list[str], str]:
    """Return the class names by number, and where they are from.

    Raises:
        DataError: nothing tells them.
    """
    if config and config.names:
        return config.names, str(config.file)
    names, file = names_in(folder, CLASS_FILES)
    if file:
        return names, str(file)
    if options.classes:
        return list(options.classes), "[project] classes"
    allowed = f"names in {CONFIG_FILES[0]}, or one class a line in {', '.join(CLASS_FILES)}"
    raise DataError("nothing tells the names of the classes", where=str(folder), allowed=allowed,
                    hint="or name them in [project] classes, in the order of their numbers")  # fmt: skip


def _pairs(place: _Place, problems: list[str]) -> Iterator[_Pair]:
    """Yield split, image and the place of its labels, whether they are there or not."""
    stems: dict[str, Path] = {}
    for path in list_images_below(place.images, SUFFIXES):
        stem = normalise_text(str(path.relative_to(place.images).with_suffix("")))
        if stem in stems:
            problems.append(f"{shorten_name(path)}: of one name with {stems[stem].name}, so labels would be of both")
        stems[stem] = path
    for path in list_images_below(place.labels, [".txt", *OTHERS]):
        is_of_image = normalise_text(str(path.relative_to(place.labels).with_suffix(""))) in stems
        if path.suffix.lower() in OTHERS:
            if not is_of_image or path.with_suffix(".txt").is_file():  # what the labels were made from
                continue
            problems.append(f"{shorten_name(path)}: of another format beside files of labels in {place.labels}")
        elif not is_of_image and holds_labels(path):
            problems.append(f"{shorten_name(path)}: no image of this name in {place.images}")
    yield from ((place.split, path, place.labels / f"{stem}.txt") for stem, path in stems.items())


def _read_annotated(
    pairs: Sequence[_Pair], names: Sequence[str], problems: list[str], pose: Pose | None
) -> list[AnnotatedImage]:
    from auto_train.data.parallel import create_pool, map_in_order

    rows = []
    with create_pool("labels") as pool:
        for pair, (boxes, wrong) in zip(
            pairs, map_in_order(pool, lambda pair: _read(pair[1], pair[2], names, pose), pairs, ahead=256), strict=True
        ):
            problems += wrong
            split, image, file = pair
            rows.append(
                AnnotatedImage(path=image, boxes=boxes or (), file=None if boxes is None else file, split=split)
            )
    return rows


def _read(image: Path, file: Path, names: Sequence[str], pose: Pose | None) -> tuple[list[Box] | None, list[str]]:
    """Return the boxes of a file, None where there is none, and what is wrong in it."""
    try:
        lines = match_disk_spelling(file).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return None, []
    except (OSError, ValueError) as error:
        return [], [f"{shorten_name(file)}: cannot be read: {error}"]
    if not any(map(str.strip, lines)):
        return [], []
    try:
        width, height = image_size(image)
    except (ImageError, OSError):
        return [], []  # the doctor names it
    filled = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    has_outline = not pose and any(len(line.split()) > 6 for _, line in filled)
    found = [box_in(line, number, names, has_outline=has_outline, pose=pose) for number, line in filled]
    boxes = [
        one._replace(left=one.left * width, top=one.top * height, right=one.right * width, bottom=one.bottom * height)
        for one in found
        if isinstance(one, Box)
    ]
    return boxes, [f"{shorten_name(file)}:{one}" for one in found if isinstance(one, str)]
