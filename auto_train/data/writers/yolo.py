"""YOLO: a text file of labels for each image, and data.yaml with the names of the classes."""

from auto_train.data.targets import Boxes
from auto_train.data.writers.base import NewData, without_crowds, write_lines

IMAGES = "{split}/images"


def write(data: NewData) -> list[str]:
    """Write ``labels/`` beside ``images/``; the file of an image without boxes is empty."""
    import yaml

    targets = data.samples.targets
    assert isinstance(targets, Boxes)
    boxes, warnings = without_crowds(targets)
    for row, image in enumerate(data.images):
        path = data.folder / image.parent.parent / "labels" / f"{image.stem}.txt"
        write_lines(path, _lines(boxes, row, *data.samples.images.size(row)))
    places = {split: f"{split}/images" for split, _ in data.rows_by_split() if split} or {"train": "images"}
    content = {**places, "nc": len(boxes.names), "names": list(boxes.names)}
    if "valid" in content:
        content["val"] = content.pop("valid")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (data.folder / "data.yaml").write_text(text, encoding="utf-8")
    return warnings


def _lines(boxes: Boxes, row: int, width: int, height: int) -> list[str]:
    part = boxes.of(row)
    lines = []
    for (left, top, right, bottom), code in zip(boxes.corners[part].tolist(), boxes.codes[part].tolist(), strict=True):
        shares = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        lines.append(" ".join([str(code), *(f"{share:.9g}" for share in shares)]))
    return lines
