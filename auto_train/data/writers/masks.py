"""Masks as PNG files of class codes in masks/ beside images/, and classes.txt with their names."""

from auto_train.data.targets import Masks
from auto_train.data.writers.base import NewData, write_lines

IMAGES = "{split}/images"


def write(data: NewData) -> list[str]:
    """Write a mask for each image, and the names of the classes line by line."""
    from PIL import Image

    masks = data.samples.targets
    assert isinstance(masks, Masks)
    for image, source in zip(data.images, masks.sources, strict=True):
        path = data.folder / image.parent.parent / "masks" / f"{image.stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.read()).save(path)
    write_lines(data.folder / "classes.txt", masks.names)
    return []
