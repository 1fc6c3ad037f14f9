"""labelme's JSON files, one for each image; X-AnyLabeling writes the same."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.readers.base import Options
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
    load,
    numbers_in,
)
from auto_train.data.readers.numbers import side_in
from auto_train.data.readers.places import Places, shorten_name
from auto_train.errors import DataError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "labelme's JSON files with the shapes of an image each"
# Names of shapes with an area in files that may give masks.
_AREAS = ('"polygon"', '"circle"', '"rotation"')


def detect(folder: Path, options: Options) -> bool:
    """Return True if such files lie beside images or in folders of annotations; for masks: with outlines."""
    some = islice(annotation_files(folder, options, ".json"), LOOKED_AT)
    files = [path for _, path in some if holds(path, '"shapes"') and holds(path, '"imagePath"')]
    return bool(files) and (options.target != "mask" or any(holds(path, *_AREAS) for path in files))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images that have a file, with boxes around their shapes, or masks of them.

    The image is the one with the file's stem, else the one named in it. Points and lines are left out.

    Raises:
        DataError: no files; broken ones, shapes that are none, missing images: all of them.
    """
    drawing, places = Drawing(), Places(folder, options)
    for split, path in annotation_files(folder, options, ".json"):
        content = load(path)
        if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
            if drawing.images:
                drawing.problems.append(f"{shorten_name(path)}: has no list 'shapes': of another format")
            continue
        own, missing = places.locate(path.stem, path.parent, split)
        image = DrawnImage(
            name=str(content.get("imagePath") or path.stem) if missing else str(own),
            file=path,
            split=split,
            width=side_in(content.get("imageWidth")),
            height=side_in(content.get("imageHeight")),
        )
        drawing.images.append(image)
        for number, one in enumerate(content["shapes"], 1):
            _add(one, number, image, drawing)
    if not drawing.images:
        raise DataError("no JSON files of labelme here", where=str(folder), allowed=LOOKS)
    return build_samples(drawing, folder, options)


def _add(one: Any, number: int, image: DrawnImage, drawing: Drawing) -> None:
    label = str(one.get("label") or "").strip() if isinstance(one, Mapping) else ""
    if not label:
        drawing.problems.append(image.says("a shape without a label", number))
        return
    kind = one.get("shape_type") or "polygon"
    pairs = [numbers_in(*pair) if isinstance(pair, list) else None for pair in one.get("points") or ()]
    points = [(pair[0], pair[1]) for pair in pairs if pair and len(pair) == 2]
    if len(points) < len(pairs):
        drawing.problems.append(image.says("points that are not pairs of numbers", number))
    elif kind in ("point", "points", "line", "linestrip"):
        drawing.left[kind] += 1
    elif corners := _corners(kind, points):
        image.outlines.append(Outline(label, corners, number, kind == "mask"))
    else:
        drawing.problems.append(image.says(f"'{kind}' with {len(points)} points", number))


def _corners(kind: str, points: list[Point]) -> list[Point]:
    """Return the corners of a shape; none where its points are not enough."""
    if kind in ("rectangle", "mask") and len(points) == 2:
        (x1, y1), (x2, y2) = points
        return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    if kind == "circle" and len(points) == 2:
        (x, y), (at_x, at_y) = points
        radius = ((at_x - x) ** 2 + (at_y - y) ** 2) ** 0.5
        return ellipse(x, y, radius, radius)
    return points if kind not in ("circle", "mask") and len(points) >= 3 else []
