"""Boxes of COCO's JSON files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options
from auto_train.data.readers.boxes import box_samples, refuse
from auto_train.data.readers.coco import LOOKS as LOOKS
from auto_train.data.readers.coco import find_files, name_of, read_files, says
from auto_train.data.readers.numbers import LARGEST

if TYPE_CHECKING:
    from auto_train.data.samples import Samples


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a file lies in the folder, in ``annotations``, or in the folders of splits."""
    return bool(find_files(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of the files with their boxes; one without annotations is an image without boxes.

    Classes are the categories by their ids, also those without a box.
    """
    coco = read_files(folder, options)
    problems = coco.problems
    rows = []
    for image in coco.images:
        boxes = []
        for number, one in image.annotations:
            name, corners = name_of(coco, image, number, one, problems), _corners(one)
            if corners is None:
                problems.append(says(image, number, f"bbox {one.get('bbox')!r} is no four numbers"))
            elif name:
                boxes.append(Box(name, *corners, number, bool(one.get("iscrowd"))))
        size = (image.width, image.height)
        rows.append(AnnotatedImage(path=image.path, boxes=boxes, size=size, file=image.file, split=image.split))
    refuse(problems, folder)
    return box_samples(rows, folder, options, names=list(coco.names.values()), notes=coco.notes, warnings=coco.warnings)


def _corners(one: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return left, top, right, bottom of a bbox, which is left, top, width, height."""
    found = one.get("bbox")
    if not isinstance(found, list) or len(found) != 4 or not all(_is_number(value) for value in found):
        return None
    left, top, width, height = found
    return left, top, left + width, top + height


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
