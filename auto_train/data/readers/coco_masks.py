"""Masks of COCO's JSON files: polygons and run lengths of objects, drawn on a background."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.masks import Shape, Shapes
from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.boxes import refuse
from auto_train.data.readers.classes import explain_unknown_class
from auto_train.data.readers.coco import LOOKS as LOOKS
from auto_train.data.readers.coco import CocoImage, find_files, name_of, read_files, says
from auto_train.data.readers.contents import BLOCK, holds
from auto_train.data.readers.places import shorten_name
from auto_train.data.rle import decode_rle
from auto_train.data.targets import IGNORE, Masks
from auto_train.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from auto_train.data.samples import Samples

BACKGROUND = "background"
# A filled segmentation, and bytes that its beginning takes at most.
_REGION, _LONGEST = re.compile(rb'"segmentation"\s{0,9}:\s{0,99}(\[\s{0,99}[^\s\]]|\{)'), 256


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a file lies in the folder, in ``annotations``, or in those of splits; none of boxes only."""
    return any(_has_regions(path) or not holds(path, '"bbox"') for _, path in find_files(folder, options))


def _has_regions(path: Path) -> bool:
    """Tell whether any segmentation in a file is filled, as it is not in exports of boxes."""
    end = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if _REGION.search(end + block):
                return True
            end = block[-_LONGEST:]
    return False


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of the files with a mask each, drawn from the regions of their objects.

    Class 0 is the background: where no object is. Crowds are drawn like other objects: their pixels are of their class.
    Where objects overlap, the smaller one is seen.
    """
    coco = read_files(folder, options)
    names = _names(list(coco.names.values()), options.classes)
    if len(names) > IGNORE:
        raise DataError(f"{len(names)} classes", where=str(folder), allowed=f"at most {IGNORE} with the background")
    code = {name: number for number, name in enumerate(names)}
    annotations = [one for image in coco.images for _, one in image.annotations]
    if annotations and not any(one.get("segmentation") for one in annotations):
        hint = "[project] type = object_detection (init --task object_detection) learns the boxes"
        raise DataError("no annotation has a segmentation: there are boxes only", where=str(folder), hint=hint)
    problems = coco.problems
    sources = []
    for image in coco.images:
        shapes = []
        for number, one in image.annotations:
            name = name_of(coco, image, number, one, problems)
            wrong = explain_unknown_class(name, options.classes and names) if name else ""
            found = _region(one, image)
            problems += [says(image, number, text) for text in (wrong, found) if text and isinstance(text, str)]
            if name and not wrong and isinstance(found, dict):
                shapes.append(Shape(code.get(name, 0), **found))
        if not image.width or not image.height:
            problems.append(f"{shorten_name(image.file)}: {image.path.name} has no width or height")
        sources.append(Shapes(image.file, image.width, image.height, shapes))
    refuse(problems, folder)
    rows = [(image.path, image.split, "") for image in coco.images]
    return target_samples(
        rows, Masks(names=tuple(names), sources=sources), names, folder, notes=coco.notes, warnings=coco.warnings
    )


def _names(categories: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return the classes by mask value, the background first."""
    if classes:
        return list(classes) if classes[0] not in categories or classes[0] == BACKGROUND else [BACKGROUND, *classes]
    return [BACKGROUND, *(name for name in categories if name.lower() != BACKGROUND)]


def _region(one: Mapping[str, Any], image: CocoImage) -> dict[str, Any] | str:
    """Return the arguments of a Shape, or what is wrong."""
    import numpy as np

    found = one.get("segmentation")
    if isinstance(found, dict):
        return _runs(found, image)
    if not isinstance(found, list) or not found:
        return "no segmentation"
    polygons = []
    for polygon in found:
        try:
            points = np.array(polygon, np.float32)
        except (TypeError, ValueError, OverflowError):
            return "a polygon that is no list of numbers"
        if points.ndim != 1 or len(points) % 2 or not np.isfinite(points).all():
            return "a polygon that is no list of x and y"
        corners = points.reshape(-1, 2)
        if (different := len(np.unique(corners, axis=0))) < 3:
            return f"a polygon with {different} points, three are the least"
        if (corners.max(axis=0) <= 0).any() or (image.width and image.height and _is_beyond(corners, image)):
            return f"a polygon wholly outside of its image of {image.width} x {image.height} pixels"
        polygons.append(corners)
    return {"polygons": polygons}


def _is_beyond(corners: "np.ndarray", image: CocoImage) -> bool:
    return bool((corners.min(axis=0) >= (image.width, image.height)).any())


def _runs(found: Mapping[str, Any], image: CocoImage) -> dict[str, Any] | str:
    counts, size = found.get("counts"), found.get("size")
    if not isinstance(counts, str | list) or size != [image.height, image.width]:
        return f"run lengths of size {size}, the image has [{image.height}, {image.width}]"
    try:
        decode_rle(counts, image.height, image.width)
    except (TypeError, ValueError) as error:
        return str(error)
    return {"counts": counts if isinstance(counts, str) else tuple(counts)}
