"""CVAT's own XML ("CVAT for images 1.1"): one file with the boxes and outlines of all images."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import SPLIT_OF, Options
from auto_train.data.readers.contents import holds
from auto_train.data.readers.drawn import (
    LOOKED_AT,
    Drawing,
    DrawnImage,
    Outline,
    Point,
    annotation_files,
    build_samples,
    ellipse,
    rectangle,
)
from auto_train.data.readers.numbers import number_in, side_in
from auto_train.data.readers.xml import Element, read_xml
from auto_train.errors import DataError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "CVAT's annotations.xml (CVAT for images 1.1)"
ROOT = "annotations"
_HEAD = 2**12
_AREAS = ("<polygon", "<ellipse")
_NO_AREA = ("polyline", "points", "skeleton", "cuboid")


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a file lies in the folder or in those of splits; for masks: with outlines."""
    return any(options.target != "mask" or holds(path, *_AREAS) for _, path in _files(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of the files, with boxes around their shapes, or masks of them.

    Splits are the subsets the file names, else the folders'. Points and lines are left out.

    Raises:
        DataError: no file, or one of a video; shapes that cannot be used, missing images: all of them.
    """
    files = list(_files(folder, options))
    if not files:
        raise DataError("no XML file of CVAT here", where=str(folder), allowed=LOOKS)
    drawing = Drawing()
    for split, path in files:
        root = read_xml(path)
        if track := root.first("track"):
            hint = "export the task as 'CVAT for images 1.1' or as 'COCO 1.0', with its images"
            raise DataError("holds the tracks of a video", where=f"{path}:{track.line}", allowed=LOOKS, hint=hint)
        drawing.images += [_image(one, path, split, drawing) for one in root.all("image")]
    return build_samples(drawing, folder, options)


def _files(folder: Path, options: Options) -> Iterator[tuple[str, Path]]:
    for split, path in islice(annotation_files(folder, options, ".xml"), LOOKED_AT):
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if f"<{ROOT}>".encode() in head.replace(b"\x00", b""):  # UTF-16 too
            yield split, path


def _image(one: Element, file: Path, split: str, drawing: Drawing) -> DrawnImage:
    subset = one.attributes.get("subset", "")
    image = DrawnImage(
        name=one.attributes.get("name", ""),
        file=file,
        number=one.line,
        split=SPLIT_OF.get(subset.lower(), "") or split,
        width=side_in(one.attributes.get("width", "")),
        height=side_in(one.attributes.get("height", "")),
    )
    for shape in one.children:
        kind, label = shape.name, shape.attributes.get("label", "").strip()
        if kind in _NO_AREA:
            drawing.left[kind] += 1
        elif kind in ("box", "polygon", "ellipse", "mask"):
            points = _corners(shape)
            if points and label:
                image.outlines.append(Outline(label, points, shape.line, kind == "mask"))
            else:
                drawing.problems.append(image.says(f"<{kind}> without a label or its numbers", shape.line))
    return image


def _corners(shape: Element) -> list[Point]:
    if shape.name == "polygon":
        pairs = [
            [number_in(text) for text in pair.split(",")] for pair in shape.attributes.get("points", "").split(";")
        ]
        points = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and None not in pair]
        return points if len(points) == len(pairs) > 2 else []  # type: ignore[return-value]
    names = {
        "box": ("xtl", "ytl", "xbr", "ybr"), "ellipse": ("cx", "cy", "rx", "ry"),
        "mask": ("left", "top", "width", "height"),
    }[shape.name]  # fmt: skip
    found = [number for name in names if (number := number_in(shape.attributes.get(name, ""))) is not None]
    if len(found) < len(names):
        return []
    if shape.name == "ellipse":
        return ellipse(*found)
    if shape.name == "mask":
        return rectangle(*found)
    return _turn(found, number_in(shape.attributes.get("rotation", "")) or 0)


def _turn(corners: list[float], degrees: float) -> list[Point]:
    """Return the corners of a box that is turned clockwise around its centre."""
    left, top, right, bottom = corners
    points = rectangle(0, 0, right - left, bottom - top, degrees)
    x, y = points[2][0] / 2, points[2][1] / 2
    return [((left + right) / 2 + across - x, (top + bottom) / 2 + down - y) for across, down in points]
