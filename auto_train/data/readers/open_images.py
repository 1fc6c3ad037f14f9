"""Open Images' tables of boxes: classes are codes that another table names, corners are shares of the image."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.annotated import AnnotatedImage, Box
from auto_train.data.readers.base import Options
from auto_train.data.readers.boxes import box_samples
from auto_train.data.readers.drawn import annotation_files
from auto_train.data.readers.numbers import number_in
from auto_train.data.readers.places import Places, list_images_below, split_named
from auto_train.data.readers.rows import refuse
from auto_train.data.readers.shares import scale_to_pixels
from auto_train.data.readers.table import Table, column_names, read_table
from auto_train.errors import DataError

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "Open Images' table of ImageID, LabelName, XMin, XMax, YMin, YMax"
CORNERS = ("XMin", "YMin", "XMax", "YMax")
_COLUMNS = {"ImageID", "LabelName", *CORNERS}


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a table lies in the folder, in ``annotations``, or in those of splits."""
    return next(_files(folder, options), None) is not None


def read(folder: Path, options: Options) -> "Samples":
    """Return the images that are here and have boxes in the tables; groups of objects are crowds.

    Class names are those of ``class-descriptions*.csv``, without it the codes. Splits are told by the names of the
    tables (``train-annotations-bbox.csv``) or the folders'.

    Raises:
        DataError: no table, none of its images here; rows that are none.
    """
    files = list(_files(folder, options))
    if not files:
        raise DataError("no table of Open Images here", where=str(folder), allowed=LOOKS)
    names, note = _class_names(folder, options)
    root = options.images_dir or folder
    here: dict[str, list[Path]] = {}
    for path in list_images_below(root, SUFFIXES):
        here.setdefault(path.stem, []).append(path)
    rows: dict[Path, AnnotatedImage] = {}
    problems: list[str] = []
    away: set[str] = set()
    places = Places(folder, options)
    for split, file in files:
        _add_rows(read_table(file), split or _split_of(file), names, here, places, rows, away, problems)
    refuse(problems, [file for _, file in files])
    if not rows:
        raise DataError(
            f"none of the {len(away)} images is here", where=str(files[0][1]), allowed="ImageID.jpg below the folder"
        )
    warnings = [f"{folder}: {len(away)} images of the tables are not here and not used"] if away else []
    return box_samples(
        scale_to_pixels(list(rows.values())), folder, options, warnings=warnings, notes=note, are_pixels=True
    )


def is_open_images(path: Path) -> bool:
    """Tell whether a table has their columns."""
    return {*column_names(path)} >= _COLUMNS


def _files(folder: Path, options: Options) -> Iterator[tuple[str, Path]]:
    return ((split, path) for split, path in annotation_files(folder, options, ".csv") if is_open_images(path))


def _add_rows(
    table: Table,
    split: str,
    names: dict[str, str],
    here: dict[str, list[Path]],
    places: Places,
    rows: dict[Path, AnnotatedImage],
    away: set[str],
    problems: list[str],
) -> None:
    groups = table.columns.get("IsGroupOf") or ["0"] * len(table.lines)
    columns = [table.columns[name] for name in ("ImageID", "LabelName", *CORNERS)]
    for line, group, image, code, *texts in zip(table.lines, groups, *columns, strict=True):
        if image not in here:
            away.add(image)
            continue
        path, *more = here[image]
        numbers = [number for text in texts if (number := number_in(text)) is not None]
        if more:
            path, _ = places.locate(image, table.path.parent, split)
        if len(numbers) < 4 or not code:
            problems.append(f"{table.path.name}:{line}: no LabelName or no four numbers ({image})")
            continue
        left, top, right, bottom = numbers
        row = rows.setdefault(path, AnnotatedImage(path=path, boxes=[], file=table.path, split=split))
        box = Box(names.get(code, code), left, top, right, bottom, line, is_crowd=group == "1")
        row.boxes.append(box)  # type: ignore[attr-defined]


def _class_names(folder: Path, options: Options) -> tuple[dict[str, str], list[str]]:
    """Return the names of codes, and a note on where they are from."""
    for _, path in annotation_files(folder, Options(), ".csv"):
        if path.name.lower().startswith(("class-descriptions", "oidv7-class-descriptions")):
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            pairs = [line.partition(",")[::2] for line in lines if line.startswith("/")]
            return {code: name.strip().strip('"') for code, name in pairs}, [f"class names are those of {path}"]
    return {}, ["classes have no names: class-descriptions-boxable.csv beside the table gives them"]


def _split_of(path: Path) -> str:
    parts = path.stem.lower().replace("_", "-").split("-")
    return next((split for part in parts if (split := split_named(part))), "")
