"""Exports of VGG's image annotator (VIA 2) with boxes and outlines, as CSV or JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.readers.base import Options
from auto_train.data.readers.contents import holds
from auto_train.data.readers.drawn import (
    Drawing,
    DrawnImage,
    Outline,
    Point,
    build_samples,
    ellipse,
    exports,
    load,
    numbers_in,
    rectangle,
)
from auto_train.data.readers.places import shorten_name
from auto_train.data.readers.table import column_names, read_table
from auto_train.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "VIA's export with regions of images, as CSV or JSON"
_COLUMNS = {"region_shape_attributes", "region_attributes"}
# What people call the attribute with the class, the likeliest first.
NAMES = ("class", "label", "name", "type", "category", "object", "species")
_NO_AREA = ("point", "polyline", "line")

_Region = tuple[Mapping[str, Any], Mapping[str, Any], int]


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a file lies in the folder or in those of splits; for masks: with outlines."""
    words = ("polygon", "circle", "ellipse")
    return any(options.target != "mask" or holds(path, *words) for _, path in _files(folder, options))


def is_via(path: Path) -> bool:
    """Tell whether a file is such an export."""
    if path.suffix.lower() == ".csv":
        return {*column_names(path)} >= _COLUMNS
    return holds(path, '"shape_attributes"') and holds(path, '"regions"')


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of the files, with boxes around their regions, or masks of them.

    The class is the attribute of regions that ``label_column`` names, the only one, or one called class, label or such.
    Points and lines are left out.

    Raises:
        DataError: no file; regions that cannot be used; no attribute that may be the class.
    """
    drawing = Drawing()
    files = _files(folder, options)
    if not files:
        raise DataError("no export of VIA here", where=str(folder), allowed=LOOKS)
    found: list[tuple[DrawnImage, list[_Region]]] = []
    for split, path in files:
        entries = _rows(path, split, drawing) if path.suffix.lower() == ".csv" else _objects(path, split, drawing)
        found += entries
    attribute = _attribute([region for _, regions in found for region in regions], files[0][1], options)
    for image, regions in found:
        drawing.images.append(image)
        for shape, attributes, number in regions:
            _add(shape, _value(attributes.get(attribute)), number, image, drawing)
    return build_samples(drawing, folder, options)


def _files(folder: Path, options: Options) -> list[tuple[str, Path]]:
    # The same annotations may be there in both forms.
    return exports(folder, options, ".csv", is_via) or exports(folder, options, ".json", is_via)


def _rows(path: Path, split: str, drawing: Drawing) -> list[tuple[DrawnImage, list[_Region]]]:
    table = read_table(path)
    cells = [table.column("filename", "#filename"), *(table.columns[name] for name in sorted(_COLUMNS))]
    found: dict[str, tuple[DrawnImage, list[_Region]]] = {}
    for line, name, attributes, shape in zip(table.lines, *cells, strict=True):
        _, regions = found.setdefault(name, (DrawnImage(name=name, file=path, number=line, split=split), []))
        try:
            both = (json.loads(shape or "{}"), json.loads(attributes or "{}"))
        except ValueError as error:
            drawing.problems.append(f"{shorten_name(path)}:{line}: {name}: no JSON in the cells of a region: {error}")
            continue
        if both[0]:
            regions.append((*both, line))
    return list(found.values())


def _objects(path: Path, split: str, drawing: Drawing) -> list[tuple[DrawnImage, list[_Region]]]:
    content = load(path)
    entries = content.get("_via_img_metadata", content) if isinstance(content, dict) else {}
    found = []
    for number, (key, one) in enumerate(entries.items(), 1):
        regions = one.get("regions") if isinstance(one, dict) else None
        regions = list(regions.values()) if isinstance(regions, dict) else regions  # of VIA 1
        name = one.get("filename") if isinstance(one, dict) else None
        if not isinstance(regions, list) or not isinstance(name, str):
            drawing.problems.append(f"{shorten_name(path)}: '{key}' has no filename or no list 'regions'")
            continue
        image = DrawnImage(name=name, file=path, number=number, split=split)
        both = [(one.get("shape_attributes"), one.get("region_attributes") or {}) for one in regions]
        found.append((image, [(shape or {}, attributes, at) for at, (shape, attributes) in enumerate(both, 1)]))
    return found


def _attribute(regions: list[_Region], file: Path, options: Options) -> str:
    """Return the name of the attribute that holds the class.

    Raises:
        DataError: none, or several that may be meant.
    """
    counts = Counter(name for _, attributes, _ in regions for name, value in attributes.items() if _value(value))
    if options.label_columns:
        name = options.label_columns[0]
        if name in counts:
            return name
        allowed = did_you_mean(name, list(counts))
        raise DataError(f"no region has an attribute '{name}'", where=str(file), allowed=allowed)
    if len(counts) == 1:
        return next(iter(counts))
    usual = [name for wanted in NAMES for name in counts if name.lower() == wanted]
    if usual:
        return usual[0]
    what = f"several attributes may be the class: {', '.join(counts)}" if counts else "no region has an attribute"
    hint = "name it in [project.data] label_column" if counts else "give the regions a class in VIA and export again"
    raise DataError(what, where=str(file), allowed=f"an attribute called {', '.join(NAMES)}", hint=hint)


def _value(value: object) -> str:
    """Return the text of an attribute; of check boxes the one that is set."""
    if isinstance(value, Mapping):
        chosen = [str(name) for name, is_set in value.items() if is_set]
        return chosen[0] if len(chosen) == 1 else ""
    return str(value).strip() if value is not None else ""


def _add(shape: Mapping[str, Any], label: str, number: int, image: DrawnImage, drawing: Drawing) -> None:
    kind = str(shape.get("name"))
    points = _corners(kind, shape)
    if kind in _NO_AREA:
        drawing.left[kind] += 1
    elif not points:
        drawing.problems.append(image.says(f"'{kind}' without its numbers", number))
    elif not label:
        drawing.problems.append(image.says("a region without a class, or with several", number))
    else:
        image.outlines.append(Outline(label, points, number))


def _corners(kind: str, shape: Mapping[str, Any]) -> list[Point]:
    if kind == "rect" and (found := numbers_in(*map(shape.get, ("x", "y", "width", "height")))):
        return rectangle(*found)
    if kind == "circle" and (found := numbers_in(*map(shape.get, ("cx", "cy", "r", "r")))):
        return ellipse(*found)
    if kind == "ellipse" and (found := numbers_in(*map(shape.get, ("cx", "cy", "rx", "ry")))):
        return ellipse(*found)
    across, down = shape.get("all_points_x"), shape.get("all_points_y")
    if kind != "polygon" or not isinstance(across, list) or not isinstance(down, list) or len(across) != len(down):
        return []
    plain = (numbers_in(*across), numbers_in(*down))
    return list(zip(*plain, strict=True)) if plain[0] and plain[1] and len(across) > 2 else []  # type: ignore[arg-type]
