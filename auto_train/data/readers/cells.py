"""Several names in one cell: lists saved as text by Python, JSON or NumPy, and the choices of Label Studio."""

import json
import re
from collections.abc import Iterable, Sequence

from auto_train.data.readers.rows import MISSING
from auto_train.errors import DataError

_ENDS = {"[": "]", "(": ")", "{": "}"}
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,\s*|(?=['"])|$)""")
_OBJECT = re.compile(r"""\[?\s*\{\s*['"][^'"]*['"]\s*:""")
# The key of Label Studio's JSON of several choices.
CHOICES = "choices"

Names = tuple[str, ...]


def are_lists(cells: Iterable[str]) -> bool:
    """Tell whether the cells of a column are lists of names: one is quoted or JSON, or all are in square brackets."""
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    quoted = any(_parse_quoted_names(cell) for cell in filled)
    return quoted or (bool(filled) and all(_bare_names(cell) is not None for cell in filled))


def names_in(cell: str) -> tuple[Names, str]:
    """Return the names in a cell of a column of lists, and what is wrong with it; a cell without brackets is a name."""
    if cell.lower() in MISSING:
        return (), ""
    for read in (_parse_quoted_names, _bare_names):
        if (names := read(cell)) is not None:
            return tuple(name.strip() for name in names if name.strip()), ""
    if cell[0] in "[{" or cell[-1] in "]}":
        return (), f"'{shorten(cell)}' is not a list of names"
    return (cell,), ""


def check_objects(column: str, cells: Sequence[str], lines: Sequence[int], where: str) -> None:
    """Pass if the cells of a column are no JSON objects or lists of them, which would be taken for names.

    Raises:
        DataError: they are; regions drawn in Label Studio among them.
    """
    found = [(line, cell) for line, cell in zip(lines, cells, strict=True) if is_object(cell)]
    if not found:
        return
    line, cell = found[0]
    hint = "write the names of the classes into this column"
    if "rectanglelabels" in cell or "polygonlabels" in cell or "brushlabels" in cell:
        hint = "these are regions drawn in Label Studio: export boxes as COCO, YOLO or Pascal VOC, polygons as COCO"
    elif column in ("region_shape_attributes", "region_attributes"):
        hint = "this is a table of the VGG Image Annotator: export its project as COCO"
    elif "keypointlabels" in cell or "original_width" in cell:
        hint = "these are regions drawn in Label Studio, of a kind that is not read"
    message = f"column '{column}' holds JSON objects: '{shorten(cell)}'"
    raise DataError(message, where=f"{where}:{line}", allowed='a name, or several: ["cat", "dog"]', hint=hint)


def is_object(cell: str) -> bool:
    """Tell whether a cell is a JSON object, or a list of them, and no choices of Label Studio."""
    return bool(_OBJECT.match(cell)) and _parse_quoted_names(cell) is None


def shorten(cell: str, most: int = 60) -> str:
    """Return a cell as far as a message has room for it."""
    return cell if len(cell) <= most else f"{cell[: most - 1]}…"


def _choices(value: object) -> list[str] | None:
    """Return the names in JSON, or None: a list of texts or numbers, or the choices of Label Studio."""
    if isinstance(value, dict) and set(value) == {CHOICES}:
        value = value[CHOICES] if isinstance(value[CHOICES], list) else [value[CHOICES]]
    if isinstance(value, list) and all(isinstance(item, str | int) and not isinstance(item, bool) for item in value):
        return [str(item) for item in value]
    return None


def _parse_quoted_names(cell: str) -> list[str] | None:
    """Return the names in a list whose items are quoted, or in JSON."""
    if cell[:1] not in _ENDS or cell[-1:] != _ENDS[cell[0]]:
        return None
    try:
        return _choices(json.loads(cell))
    except (ValueError, RecursionError):
        pass
    inner, found = cell[1:-1].strip(), []
    while match := _QUOTED.match(inner):
        found.append(re.sub(r"\\(.)", r"\1", match[1][1:-1]))
        inner = inner[match.end() :]
    return found if found and not inner else None


def _bare_names(cell: str) -> list[str] | None:
    """Return the names in ``[cat, big dog]``; none in ``[]``."""
    if cell[:1] != "[" or cell[-1:] != "]" or any(mark in cell[1:-1] for mark in "[]{}'\""):
        return None
    return cell[1:-1].split(",")
