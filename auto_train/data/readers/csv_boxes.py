"""Tables of boxes: a row for each, or Hugging Face ``imagefolder`` metadata with the objects of an image in a row."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options
from auto_train.data.readers.boxes import box_samples
from auto_train.data.readers.image_sizes import ImageSizes
from auto_train.data.readers.numbers import LARGEST, number_in
from auto_train.data.readers.places import Places
from auto_train.data.readers.rows import MISSING, Row, find_tables, path_columns, read_rows, read_tables, refuse

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "a table of paths and x1, y1, x2, y2, label of each box, or of objects"
CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("XMin", "YMin", "XMax", "YMax"),
)
NAMES = ("label", "class", "class_name", "name", "category")
OBJECTS = "objects"


def detect(folder: Path, options: Options) -> bool:
    """Return True if a table with these columns lies in the folder or its split folders."""
    return bool(find_tables(folder, options, lambda names: _fits(names, options)))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images a table names, with their boxes; a row with empty cells is an image without boxes.

    Corners are pixels, or shares of the image where all lie between 0 and 1. Columns such as ``image_width`` say how
    large the images were that boxes were drawn on. ``objects`` holds ``{"bbox": [[x, y, width, height], …],
    "categories": […]}``; categories that are numbers are positions among the classes of the INI, or names where it
    states none.

    Raises:
        DataError: rows that cannot be used, all of them; an image in two splits.
    """
    tables = read_tables(folder, options, lambda names: _fits(names, options), allowed=LOOKS)
    problems: list[str] = []
    found: dict[Path, tuple[Row, list[Box]]] = {}
    places = Places(folder, options)
    sizes = ImageSizes([table for table, _ in tables], CORNERS)
    for row in read_rows(tables, folder, options, places):
        is_many = OBJECTS in row.table.columns
        boxes = list(_objects(row, options, problems) if is_many else _box(row, options, problems))
        problems += map(row.says, row.problems)
        first, known = found.setdefault(row.path, (row, []))
        if (size := sizes(row)) != (before := sizes(first)):
            text = f"'{size[0]} x {size[1]}' is the image's size here, '{before[0]} x {before[1]}' in line {first.line}"
            problems.append(row.says(text))
        if (first.split, first.group) != (row.split, row.group):
            problems.append(row.says("another split or group before"))
        elif first is not row and (is_many or not boxes or not known):
            problems.append(row.says("another row of this image before, one of them without boxes or with all"))
        known += boxes
    refuse(problems, [table.path for table, _ in tables])
    rows = [
        AnnotatedImage(path=path, boxes=boxes, size=sizes(row), file=row.table.path, split=row.split, group=row.group)
        for path, (row, boxes) in found.items()
    ]
    return box_samples(rows, folder, options, notes=places.notes)


def _fits(names: Sequence[str], options: Options) -> bool:
    has_corners = any(set(corners) <= set(names) for corners in CORNERS)
    return OBJECTS in names or (has_corners and any(name in names for name in _label_columns(options)))


def _label_columns(options: Options) -> Sequence[str]:
    return options.label_columns[:1] or NAMES


def _box(row: Row, options: Options, problems: list[str]) -> Iterator[Box]:
    table = row.table
    corners = next((names for names in CORNERS if set(names) <= set(table.columns)), CORNERS[0])
    taken = path_columns(options)
    names = [name for name in _label_columns(options) if name not in taken]
    texts = [table.column(name)[row.number] for name in corners]
    label = table.column(*names)[row.number]
    if not label and not any(texts):
        return
    numbers = [number for text in texts if (number := number_in(text)) is not None]
    if len(numbers) < 4 or label.lower() in MISSING:
        shown = ", ".join(f"{name} '{text}'" for name, text in zip(corners, texts, strict=True))
        problems.append(row.says(f"no four numbers and a label: {shown}, label '{label}'"))
        return
    left, top, right, bottom = numbers
    yield Box(label, left, top, right, bottom, row.line)


def _objects(row: Row, options: Options, problems: list[str]) -> Iterator[Box]:
    """Yield the boxes in a cell of Hugging Face's form."""
    cell = row.table.columns[OBJECTS][row.number]
    if not cell:
        return
    try:
        content = json.loads(cell)
        boxes, labels = content["bbox"], content.get("categories", content.get("category"))
        for box, label in zip(boxes, labels, strict=True):
            left, top, width, height = map(float, box)
            if not all(abs(number) <= LARGEST for number in (left, top, width, height)):
                raise ValueError(f"{box}")
            yield Box(_name_of(label, options), left, top, left + width, top + height, row.line)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        problems.append(row.says(f"objects are no 'bbox' of four numbers and 'categories', as many: {error}"))


def _name_of(label: object, options: Options) -> str:
    """Return the name of a category, which is one, or a position among the classes of the INI.

    Raises:
        ValueError: it is neither.
    """
    is_number = isinstance(label, int) and not isinstance(label, bool) and label >= 0
    if not is_number and not (isinstance(label, str) and label.strip()):
        raise ValueError(f"category {label!r} is neither a name nor a number from 0 on")
    return options.classes[label] if isinstance(label, int) and label < len(options.classes) else str(label)
