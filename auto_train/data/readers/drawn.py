"""What drawing tools export: images with labelled shapes, read as boxes around them or as masks of them."""

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.image import image_size
from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.boxes import box_samples, refuse
from auto_train.data.readers.classes import explain_unknown_class
from auto_train.data.readers.places import (
    Places,
    image_folders,
    list_folders,
    shorten_name,
    split_folders,
    split_named,
    warn_of_unused_images,
)
from auto_train.errors import DataError, ImageError
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

# Files of a folder that are looked into to tell what they are.
LOOKED_AT = 20
# Folders of annotations beside those of images.
_FOLDERS = ("annotations", "labels", "json")
BACKGROUND = "background"
# Corners of the outline of a circle or an ellipse.
_CORNERS = 32

Point = tuple[float, float]


@dataclass(frozen=True)
class Outline:
    """A shape: class name, corners in pixels, its number or line in the file; a painted one has those of its box."""

    label: str
    points: Sequence[Point]
    number: int = 0
    is_painted: bool = False


@dataclass(kw_only=True)
class DrawnImage:
    """An image and its shapes.

    Attributes:
        name: of the image, as the file says it.
        file: that holds the shapes.
        number: of the image in it, or its line.
        split: "" for none.
        width, height: pixels, as the file says them; 0 for nothing.
        outlines: in the order of the file.
    """

    name: str
    file: Path
    number: int = 0
    split: str = ""
    width: int = 0
    height: int = 0
    outlines: list[Outline] = field(default_factory=list)

    def says(self, text: str, number: int = 0) -> str:
        """Return a problem with its place."""
        shape = f" shape {number}" if number else ""
        return f"{shorten_name(self.file)}: {self.name}{shape}: {text}"


@dataclass
class Drawing:
    """All images of a data set, with what is wrong, the kinds of shapes left out, and whether masks are wanted."""

    images: list[DrawnImage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    is_mask: bool = False


def annotation_files(folder: Path, options: Options, suffix: str) -> Iterator[tuple[str, Path]]:
    """Yield split and path of the files of this kind where annotations lie: here, in splits, beside images or apart."""
    named = options.annotations_file
    if named and named.is_file():
        yield "", named
        return
    places = [("", named)] if named else list(_places(folder, options))
    seen: set[Path] = set()
    for split, place in places:
        names = os.listdir(place) if place.is_dir() else ()  # noqa: PTH208 - a hundred thousand names
        for name in sorted(name for name in names if name.lower().endswith(suffix)):
            if not name.startswith(".") and (path := place / name) not in seen:
                seen.add(path)
                yield split, path


def exports(folder: Path, options: Options, suffix: str, is_export: Callable[[Path], bool]) -> list[tuple[str, Path]]:
    """Return split and path of the files of a tool; none where the first files are others."""
    files = list(annotation_files(folder, options, suffix))
    if not any(is_export(path) for _, path in files[:LOOKED_AT]):
        return []
    return [(split, path) for split, path in files if is_export(path)]


def _places(folder: Path, options: Options) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        return
    splits = [(split, path) for path in list_folders(folder) if (split := split_named(path.name))]
    for split, base in (*(options.split_dirs.items() or splits), ("", folder)):
        if not base.is_dir():
            continue
        yield split, base
        named = [path for path in list_folders(base) if path.name.lower() in _FOLDERS]
        for path in (*image_folders(base), *named):
            yield split, path
            yield from (
                (inner, below) for below in list_folders(path) if not split and (inner := split_named(below.name))
            )


def load(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg}", where=f"{path}:{error.lineno}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from error


def numbers_in(*values: object) -> list[float] | None:
    """Return finite numbers; None where one is none."""
    found = [
        float(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
    ]
    return found if len(found) == len(values) else None


def rectangle(x: float, y: float, width: float, height: float, degrees: float = 0) -> list[Point]:
    """Return the corners of a rectangle that is turned clockwise around its left top corner."""
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    sides = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return [(x + across * cos - down * sin, y + across * sin + down * cos) for across, down in sides]


def ellipse(x: float, y: float, across: float, down: float) -> list[Point]:
    """Return corners on an ellipse, those farthest out among them."""
    angles = [2 * math.pi * number / _CORNERS for number in range(_CORNERS)]
    return [(x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles]


def build_samples(drawing: Drawing, folder: Path, options: Options) -> "Samples":
    """Return the samples of images with shapes, of the kind of annotations that is asked for.

    Raises:
        DataError: problems of the files; images that are missing or there twice; nothing to learn.
    """
    split_folders(folder, options)  # refuses two folders of one split
    places, problems = Places(folder, options), drawing.problems
    paths: dict[Path, DrawnImage] = {}
    for image in drawing.images:
        image.outlines = [replace(one, label=normalise_text(one.label)) for one in image.outlines]
        path, problem = places.locate(image.name, image.file.parent, image.split)
        if problem:
            problems.append(image.says(problem))
        elif paths.setdefault(path, image) is not image:
            problems.append(image.says(f"there is a second entry of this image, {path.name}"))
    refuse(problems, folder, "correct the files, or export them again")
    warnings = [*drawing.warnings, *warn_of_unused_images(paths, "are in none of the files")]
    if drawing.left:
        shown = ", ".join(f"{count} {kind}" for kind, count in drawing.left.most_common())
        warnings.append(f"{folder}: shapes without an area are left out: {shown}")
    if options.target == "mask":
        return _masks(paths, folder, options, warnings, places.notes)
    rows = [
        AnnotatedImage(
            path=path,
            boxes=[Box(one.label, *_around(one.points), one.number) for one in image.outlines],
            size=(image.width, image.height),
            file=image.file,
            split=image.split,
        )
        for path, image in paths.items()
    ]
    return box_samples(rows, folder, options, warnings=warnings, notes=places.notes, are_pixels=True)


def _around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _masks(
    paths: dict[Path, DrawnImage], folder: Path, options: Options, warnings: list[str], notes: Sequence[str]
) -> "Samples":
    import numpy as np

    from auto_train.data.masks import Shape, Shapes
    from auto_train.data.targets import IGNORE, Masks

    found = sorted({one.label for image in paths.values() for one in image.outlines} - {BACKGROUND})
    if not found:
        raise DataError(f"{len(paths)} images, and no shape on any of them", where=str(folder))
    names = list(options.classes) or [BACKGROUND, *found]
    if names[0] in found:
        names = [BACKGROUND, *names]
    if len(names) > IGNORE:
        raise DataError(f"{len(names)} classes", where=str(folder), allowed=f"at most {IGNORE} with the background")
    code = {name: number for number, name in enumerate(names)}
    problems = [
        image.says(text, one.number)
        for image in paths.values()
        for one in image.outlines
        if one.label != BACKGROUND and (text := explain_unknown_class(one.label, names))
    ]
    refuse(problems, folder, "add them to [project] classes, or remove that line to have them found")
    painted = [
        image.says("a painted region, of which only the box is read", one.number)
        for image in paths.values()
        for one in image.outlines
        if one.is_painted
    ]
    refuse(painted, folder, "export the masks as COCO or as PNG files, which are read: docs/formats.md")
    sources = []
    for path, image in paths.items():
        shapes = [Shape(code.get(one.label, 0), polygons=[np.array(one.points, np.float32)]) for one in image.outlines]
        sources.append(Shapes(image.file, *_size(path, image), shapes))
    rows = [(path, image.split, "") for path, image in paths.items()]
    targets = Masks(names=tuple(names), sources=sources)
    return target_samples(rows, targets, names, folder, warnings=warnings, notes=notes)


def _size(path: Path, image: DrawnImage) -> tuple[int, int]:
    if image.width and image.height:
        return image.width, image.height
    try:
        return image_size(path)
    except (ImageError, OSError):  # the doctor names it
        return 1, 1
