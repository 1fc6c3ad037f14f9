"""Writers of data sets by format. A new one is one file here and one line in NAMES."""

from importlib import import_module
from typing import cast

from auto_train.data.writers.base import Writer
from auto_train.errors import UsageError, did_you_mean

# The kinds of annotations each format can hold.
NAMES = {
    "coco": ("boxes", "mask"),
    "csv": ("label", "labels", "values", "boxes"),
    "masks": ("mask",),
    "voc": ("boxes",),
    "yolo": ("boxes",),
}

__all__ = ["NAMES", "Writer", "get_writer"]


def get_writer(name: str, target: str) -> Writer:
    """Return the writer of a format.

    Args:
        name: of the format.
        target: kind of the annotations.

    Raises:
        UsageError: no such format, or none for such annotations.
    """
    if name not in NAMES:
        raise UsageError(f"unknown format '{name}'", where="--to", allowed=did_you_mean(name, list(NAMES)))
    if target not in NAMES[name]:
        allowed = ", ".join(other for other, targets in NAMES.items() if target in targets)
        raise UsageError(f"format '{name}' holds no {target}", where="--to", allowed=allowed)
    return cast(Writer, import_module(f"auto_train.data.writers.{name}"))
