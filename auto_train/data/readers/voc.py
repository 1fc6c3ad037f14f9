"""Pascal VOC: one XML file of boxes for each image, in Annotations beside JPEGImages, or beside the image itself."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options
from auto_train.data.readers.boxes import box_samples, refuse
from auto_train.data.readers.image_sets import find_sets
from auto_train.data.readers.numbers import number_in, side_in
from auto_train.data.readers.places import Places, list_folders, shorten_name, split_folders, warn_of_unused_images
from auto_train.data.readers.xml import Element, read_xml
from auto_train.errors import DataError
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "XML files of boxes in Annotations/ beside JPEGImages/, or beside the images (Pascal VOC)"
# Folders of ImageSets, the likeliest first.
SETS = ("Main", "Segmentation", "Layout", "Action")
# Suffixes of annotations in other formats.
OTHERS = (".txt", ".json", ".csv")
# Folders of XML files beside those of images.
FOLDERS = ("annotations", "annotation", "annots", "xml", "xmls")
# The outermost element of a file.
ROOT = "annotation"
# Files that are looked into to tell the format, and bytes of each.
LOOKED_AT, _HEAD = 5, 2**12
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def detect(folder: Path, options: Options) -> bool:
    """Return True if XML files lie in a folder Annotations, in the data's folder, or in those of its splits."""
    return any(_is_voc(file) for _, file in islice(_files(folder, options), LOOKED_AT))


def _is_voc(file: Path) -> bool:
    with file.open("rb") as opened:
        return f"<{ROOT}".encode() in opened.read(_HEAD).replace(b"\x00", b"").lower()  # UTF-16 too


def read(folder: Path, options: Options) -> "Samples":
    """Return the images that XML files are about, with their boxes; a file without an object is an image without boxes.

    The image is the one with the file's stem, else the one named in it. ``ImageSets/Main/{train,val,test}.txt`` give
    the splits, or lists of ImageSets in other folders, and images in none of them are left out; else the folders do.
    Objects marked as difficult are neither trained on nor counted as missed, as in the benchmark of this format.

    Raises:
        DataError: no files; broken files, boxes that are no numbers, missing images: all of them with file and line.
    """
    files = list(_files(folder, options))
    if not files:
        allowed = "XML files in Annotations/ beside JPEGImages/, or beside the images"
        raise DataError("no annotations in XML here", where=str(folder), allowed=allowed)
    lists = find_sets(folder, SETS)
    sets, place = lists.splits, lists.name
    places = Places(folder, options)
    problems = list(_of_another_format([file for _, file in files], places))
    warnings = [*lists.warnings]
    if sets:
        missing = sorted(set(sets) - {normalise_text(file.stem) for _, file in files})
        problems += [f"{stem}: in {place}, and no XML file of that name" for stem in missing]
        unused = [file for _, file in files if normalise_text(file.stem) not in sets]
        files = [(sets[stem], file) for _, file in files if (stem := normalise_text(file.stem)) in sets]
        warnings += [f"{folder}: {len(unused)} XML files are in no list of {place} and not used"] if unused else []
    rows = [_read_annotated(file, split, places, problems) for split, file in files]
    for path, twice in _find_repeated(rows).items():
        problems.append(f"{', '.join(twice)}: of one image, {path.name}")
    refuse(problems, folder)
    crowds = sum(box.is_crowd for row in rows for box in row.boxes)
    notes = [*places.notes, *([f"splits are those of {place}"] if sets else [])]
    notes += [f"{crowds} objects are marked as difficult: not trained on, not counted as missed"] if crowds else []
    warnings += [] if sets else warn_of_unused_images([row.path for row in rows], "have no XML file")
    return box_samples(rows, folder, options, warnings=warnings, notes=notes)


def _files(folder: Path, options: Options) -> Iterator[tuple[str, Path]]:
    """Yield split and path of each XML file."""
    if options.annotations_file:
        places = [("", options.annotations_file)]
    else:
        places = [
            (split, below)
            for split, base in split_folders(folder, options)
            for below in ([path for path in list_folders(base) if path.name.lower() in FOLDERS] or [base])
        ]
    seen = set()
    for split, place in places:
        inner = [(split, place)] if split else [(name, path) for name, path in split_folders(place, Options())]
        for name, path in inner:
            for file in sorted(path.iterdir()) if path.is_dir() else ():
                if file.suffix.lower() == ".xml" and file not in seen and not file.name.startswith("."):
                    seen.add(file)
                    yield name, file


def _of_another_format(files: list[Path], places: Places) -> Iterator[str]:
    """Yield a problem for each image that has a text, JSON or CSV file where others have theirs in XML."""
    stems = {file.stem for file in files}
    for place in sorted({file.parent for file in files}):
        for path in sorted(place.iterdir()):
            if path.suffix.lower() in OTHERS and path.stem not in stems and not places.locate(path.stem, place)[1]:
                yield f"{path.name}: of another format beside XML files in {place}"


def _read_annotated(file: Path, split: str, places: Places, problems: list[str]) -> AnnotatedImage:
    try:
        root = read_xml(file)
    except DataError as error:
        problems.append(": ".join(filter(None, [shorten_name(Path(error.where)), error.message, error.hint])))
        return AnnotatedImage(path=file, boxes=(), file=file)
    if root.name.lower() != ROOT:
        problems.append(f"{shorten_name(file)}:{root.line}: <{root.name}> is no <{ROOT}>: of another format")
    path, problem = places.locate(file.stem, file.parent, split)
    named = root.text_of("filename")
    if problem and named:
        path, problem = places.locate(named, file.parent, split)
    if problem:
        problems.append(f"{shorten_name(file)}: {problem} ({named or file.stem})")
    boxes = [box for one in root.all("object") if (box := _box(one, file, problems))]
    return AnnotatedImage(path=path, boxes=boxes, size=_size(root), file=file, split=split)


def _size(root: Element) -> tuple[int, int]:
    """Return width and height of the image as the file says them, 0 for one of which it says nothing of use."""
    place = root.first("size")
    return (side_in(place.text_of("width")), side_in(place.text_of("height"))) if place else (0, 0)


def _box(one: Element, file: Path, problems: list[str]) -> Box | None:
    name, place = one.text_of("name"), one.first("bndbox")
    texts = [place.text_of(corner) if place else "" for corner in _CORNERS]
    numbers = [number for text in texts if (number := number_in(text)) is not None]
    if not name or len(numbers) < 4:
        shown = ", ".join(f"{corner} '{text}'" for corner, text in zip(_CORNERS, texts, strict=True))
        problems.append(
            f"{shorten_name(file)}:{one.line}: {f'no four numbers: {shown}' if name else 'an object without a name'}"
        )
        return None
    left, top, right, bottom = numbers
    is_crowd = one.text_of("difficult") in ("1", "true")
    return Box(name, left, top, right, bottom, one.line, is_crowd)


def _find_repeated(rows: list[AnnotatedImage]) -> dict[Path, list[str]]:
    files: dict[Path, list[str]] = {}
    for row in rows:
        files.setdefault(row.path, []).append(shorten_name(row.file) if row.file else "")
    return {path: names for path, names in files.items() if len(names) > 1}
