"""A data set in another format, in a folder of its own: images linked or copied, annotations written anew."""

import glob
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from auto_train.data.doctor.boxes import check_boxes
from auto_train.data.doctor.looks import Looks
from auto_train.data.images import FileImages
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes
from auto_train.data.writers import get_writer
from auto_train.data.writers.base import NewData
from auto_train.errors import ImageError, UsageError
from auto_train.files import remove, write_folder
from auto_train.types import to_absolute


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written.

    Attributes:
        folder: of the new data set.
        format: name of its format.
        target: kind of the annotations.
        splits: number of images by split, "" where the data gives none.
        labels: class names; of numbers those of their columns.
        warnings: of reading the data, of boxes that a training would refuse or cut, and what the format could not hold.
    """

    folder: Path
    format: str
    target: str
    splits: dict[str, int]
    labels: list[str]
    warnings: tuple[str, ...]


def convert(
    samples: Samples,
    format: str,
    output: Path | str,
    *,
    copy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Write samples in another format.

    Args:
        samples: of any reader; the splits it gives are kept.
        format: coco, csv, masks, voc or yolo.
        output: the new folder; it stays away where anything fails.
        copy: copy images; else they are hard links where the file system has them, copies elsewhere.
        progress: told the number of images done and in all.

    Raises:
        UsageError: the folder is there and not empty, or lies in the data's; the format has no such annotations.
        DataError: an image or a mask that cannot be read.
    """
    target = "label" if samples.targets is None else samples.targets.kind
    writer = get_writer(format, target)
    folder = to_absolute(output)
    _check_place(folder, samples)
    with _create_folder(folder) as part:
        data = NewData(samples=samples, folder=part, images=_places(samples, writer.IMAGES))
        for row, place in enumerate(data.images):
            _put(samples, row, part / place, copy=copy)
            if progress:
                progress(row + 1, len(samples))
        warnings = writer.write(data)
    return Conversion(
        folder=folder,
        format=format,
        target=target,
        splits=dict(Counter(samples.table["split"])),
        labels=samples.labels,
        warnings=(*samples.warnings, *_odd_boxes(samples), *warnings),
    )


def _odd_boxes(samples: Samples) -> list[str]:
    """Return a warning of each kind of odd boxes, with how many there are and file and line of the first."""
    if not isinstance(samples.targets, Boxes):
        return []
    looks = Looks.empty(len(samples))
    for row in np.flatnonzero(samples.targets.counts).tolist():
        with suppress(ImageError, OSError):  # a writer that has to know the size raises it
            looks.sizes[row] = samples.images.size(row)
    found = [finding for finding in check_boxes(samples, looks) if finding.severity != "info"]
    return [f"{finding}, written as they are: {finding.items[0]}" for finding in found]


def _check_place(folder: Path, samples: Samples) -> None:
    where, hint = str(folder), "name a new folder with -o"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("is there already", where=where, hint=hint)
    if samples.root and folder.resolve().is_relative_to(samples.root.resolve()):
        raise UsageError(f"lies in the data, {samples.root}, which is never changed", where=where, hint=hint)


@contextmanager
def _create_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder that takes its place when all is done; nothing of it is left where something fails.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.part"):  # by a conversion that was killed
            remove(left)
        with write_folder(folder) as part:
            yield part
            if folder.is_dir():
                folder.rmdir()  # where it is not empty any more, what is in it stays
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(folder)) from error


def _places(samples: Samples, folder: str) -> list[PurePosixPath]:
    """Return where each image lies in the new folder: under its own name, or its path's where several have that."""
    paths = [PurePosixPath(path.replace("#", "-")) for path in samples.table["path"]]
    stems = Counter(path.stem.lower() for path in paths)
    taken: set[str] = set()
    places = []
    for path, split in zip(paths, samples.table["split"], strict=True):
        parts = [part for part in path.parts if part not in ("/", "..")]
        stem = path.stem if stems[path.stem.lower()] == 1 else "-".join([*parts[:-1], path.stem])
        name = next(name for name in _number_stems(stem) if name.lower() not in taken)
        taken.add(name.lower())
        suffix = path.suffix if isinstance(samples.images, FileImages) else ".png"
        places.append(PurePosixPath(folder.format(split=split or ".")) / f"{name}{suffix}")
    return places


def _number_stems(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _put(samples: Samples, row: int, path: Path, *, copy: bool) -> None:
    """Put an image there; one in memory as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(samples.images, FileImages):
        from PIL import Image

        Image.fromarray(samples.images[row]).save(path)
        return
    source = samples.images.paths[row].resolve()
    if not copy:
        try:
            os.link(source, path)
        except OSError:  # another file system, or one without links
            copy = True
    if copy:
        shutil.copyfile(source, path)
