"""What all readers of boxes give: images with boxes as their files say, put together to samples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.classes import explain_unknown_class
from auto_train.data.readers.places import DIR_HINT, MISSING_IMAGE, NOT_ONE_IMAGE, PATHS_HINT, shorten_name
from auto_train.data.readers.shares import are_shares, scale_to_pixels
from auto_train.errors import DataError, format_list
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples


# Pixels. A corner farther out is as far outside as one here.
FAR = 1e9


def box_samples(
    rows: Sequence[AnnotatedImage],
    folder: Path,
    options: Options,
    *,
    names: Sequence[str] | None = None,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
    are_pixels: bool = False,
) -> "Samples":
    """Return the samples of images with boxes.

    Args:
        rows: one for each image.
        folder: of the data.
        options: whose classes, if stated, are all there may be.
        names: of the classes in the format's order; None: those found, sorted.
        warnings, notes: as target_samples has them.
        are_pixels: whether that is sure; else corners that all lie between 0 and 1 are shares of their image.

    Raises:
        DataError: no box at all; a class that is not among the stated ones, with file and line of each.
    """
    import numpy as np

    from auto_train.data.targets import Boxes

    rows = [replace(row, boxes=list(map(_compose_name, row.boxes))) for row in rows]
    boxes = [box for row in rows for box in row.boxes]
    if not boxes:
        hint = "name the files in [training.data] annotations_file, or another [project.data] format"
        raise DataError(f"{len(rows)} images, and no box on any of them", where=str(folder), hint=hint)
    _check_names(rows, options.classes)
    if not are_pixels and are_shares(rows):
        notes = [*notes, "all corners lie between 0 and 1: they are shares of the image's width and height"]
        rows = scale_to_pixels(rows)
        boxes = [box for row in rows for box in row.boxes]
    labels = list(options.classes or names or sorted({box.name for box in boxes}))
    code = {name: number for number, name in enumerate(labels)}
    targets = Boxes(
        names=tuple(labels),
        corners=np.array([box[1:5] for box in boxes], np.float64).reshape(-1, 4).clip(-FAR, FAR).astype(np.float32),
        codes=np.array([code[box.name] for box in boxes], np.int32),
        is_crowd=np.array([box.is_crowd for box in boxes], bool),
        ends=np.cumsum([len(row.boxes) for row in rows], dtype=np.int64),
        files=[str(row.file or "") for row in rows],
        lines=np.array([box.line for box in boxes], np.int32),
        sizes=np.array([row.size for row in rows], np.int64),
    )
    images = [(row.path, row.split, row.group) for row in rows]
    return target_samples(images, targets, labels, folder, warnings=warnings, notes=notes)


def _compose_name(box: Box) -> Box:
    """Return the box with its name in one Unicode form: "café" is one class, however a file writes it."""
    return box if box.name.isascii() else box._replace(name=normalise_text(box.name))


def refuse(problems: Sequence[str], where: Path, hint: str = "") -> None:
    """Pass if there are no problems.

    Raises:
        DataError: all of them.
    """
    if problems:
        message = format_list(f"{len(problems)} annotations cannot be used", problems)
        raise DataError(message, where=str(where), hint=hint or _hint(problems))


def _hint(problems: Sequence[str]) -> str:
    if any(MISSING_IMAGE in text or NOT_ONE_IMAGE in text for text in problems):
        return f"{PATHS_HINT}\n  {DIR_HINT}"
    return "correct these annotations"


def _check_names(rows: Sequence[AnnotatedImage], classes: Sequence[str]) -> None:
    problems = [
        f"{shorten_name(row.file or row.path)}:{box.line}: {text}"
        for row in rows
        for box in row.boxes
        if (text := explain_unknown_class(box.name, classes))
    ]
    if problems:
        refuse(problems, rows[0].path.parent, "add them to [project] classes, or remove that line to have them found")
