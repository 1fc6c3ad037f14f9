"""COCO: a JSON file for each split; masks as run lengths, one annotation for each class of an image."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from auto_train.data.rle import encode_rle, rle_text
from auto_train.data.targets import IGNORE, Boxes, Masks
from auto_train.data.writers.base import NewData, write_json

if TYPE_CHECKING:
    import numpy as np

IMAGES = "{split}/images"


def write(data: NewData) -> list[str]:
    """Write ``instances.json`` beside the images of each split.

    A mask's class 0 is the background and no annotation; pixels that count for nothing become background.
    """
    targets = data.samples.targets
    names = data.samples.labels
    is_mask = isinstance(targets, Masks)
    categories = [{"id": code, "name": name} for code, name in enumerate(names) if code or not is_mask]
    ignored = 0
    number = 0
    for split, rows in data.rows_by_split():
        images, annotations = [], []
        for row in rows:
            width, height = data.samples.images.size(row)
            name = str(data.images[row].relative_to(split))
            images.append({"id": row + 1, "file_name": name, "width": width, "height": height})
            if isinstance(targets, Masks):
                mask = targets.sources[row].read()
                ignored += int((mask == IGNORE).any())
                found = list(_regions(mask))
            else:
                assert isinstance(targets, Boxes)
                found = list(_boxes(targets, row))
            for one in found:
                number += 1
                annotations.append({"id": number, "image_id": row + 1, **one})
        content = {"images": images, "annotations": annotations, "categories": categories}
        write_json(data.folder / split / "instances.json", content)
    warnings = [f"{ignored} masks have pixels that count for nothing; they are background now"] if ignored else []
    if is_mask and names[0].lower() != "background":
        warnings.append(f"class 0, '{names[0]}', is the background now")
    return warnings


def _boxes(boxes: Boxes, row: int) -> Iterator[dict[str, Any]]:
    part = boxes.of(row)
    cells = zip(boxes.corners[part].tolist(), boxes.codes[part].tolist(), boxes.is_crowd[part].tolist(), strict=True)
    for (left, top, right, bottom), code, is_crowd in cells:
        bbox = [left, top, right - left, bottom - top]
        yield {"category_id": code, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": int(is_crowd)}


def _regions(mask: "np.ndarray") -> Iterator[dict[str, Any]]:
    import numpy as np

    height, width = mask.shape
    for code in np.unique(mask).tolist():
        if code in (0, IGNORE):
            continue
        region = mask == code
        down, across = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
        left, top = int(across[0]), int(down[0])
        yield {
            "category_id": code,
            "bbox": [left, top, int(across[-1]) + 1 - left, int(down[-1]) + 1 - top],
            "area": int(region.sum()),
            "iscrowd": 0,
            "segmentation": {"size": [height, width], "counts": rle_text(encode_rle(region))},
        }
