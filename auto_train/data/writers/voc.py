"""Pascal VOC: an XML file for each image in Annotations/, and the splits in ImageSets/Main."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from auto_train.data.targets import Boxes
from auto_train.data.writers.base import NewData, format_number, write_lines

IMAGES = "JPEGImages"
_LISTS = {"train": "train", "valid": "val", "test": "test"}


def write(data: NewData) -> list[str]:
    """Write the annotations; boxes around crowds are marked as difficult."""
    boxes = data.samples.targets
    assert isinstance(boxes, Boxes)
    for row, image in enumerate(data.images):
        size = data.samples.images.size(row)
        write_lines(data.folder / "Annotations" / f"{image.stem}.xml", list(_lines(boxes, row, image.name, *size)))
    warnings = []
    for split, rows in data.rows_by_split():
        if split:
            write_lines(data.folder / f"ImageSets/Main/{_LISTS[split]}.txt", [data.images[row].stem for row in rows])
    bare = sum(not split for split in data.samples.table["split"])
    if 0 < bare < len(data.images):
        warnings.append(f"{bare} images are in no split and in no list of ImageSets/Main")
    found = sorted({boxes.names[code] for code in boxes.codes.tolist()})
    if found != list(boxes.names):
        names = ", ".join(boxes.names)
        warnings.append(f"the order of the classes, and those without a box, are lost: [project] classes = {names}")
    return warnings


def _lines(boxes: Boxes, row: int, name: str, width: int, height: int) -> Iterator[str]:
    part = boxes.of(row)
    yield from ("<annotation>", "<folder>JPEGImages</folder>", f"<filename>{escape(name)}</filename>")
    yield f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    cells = zip(boxes.corners[part].tolist(), boxes.codes[part].tolist(), boxes.is_crowd[part].tolist(), strict=True)
    for corners, code, is_crowd in cells:
        keys = zip(("xmin", "ymin", "xmax", "ymax"), map(format_number, corners), strict=True)
        place = "".join(f"<{key}>{value}</{key}>" for key, value in keys)
        head = f"<name>{escape(boxes.names[code])}</name><difficult>{int(is_crowd)}</difficult>"
        yield f"<object>{head}<bndbox>{place}</bndbox></object>"
    yield "</annotation>"
