"""The answer of a model that gives every pixel a class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auto_train.answers import Answer, Described

if TYPE_CHECKING:
    import numpy as np

Rle = dict[str, Any]


def answer(mask: "np.ndarray", model: Described) -> Answer:
    """Say how much of the image each class covers, and where.

    Args:
        mask: (H, W) uint8 class codes, in the pixels of the image.

    Returns:
        ``areas``: share of the image by class, the largest first; ``mask``: of the same classes their pixels as COCO's
        run lengths, which pycocotools reads with ``frPyObjects``; every pixel is in one of them.
    """
    import numpy as np

    counts = np.bincount(mask.ravel(), minlength=len(model.labels))
    order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    return {
        "areas": {model.labels[code]: float(counts[code] / mask.size) for code in order},
        "mask": {model.labels[code]: rle_of(mask == code) for code in order},
        "model": model.name,
    }


def difference(expected: "np.ndarray", found: "np.ndarray") -> float:
    """Return the largest share of an image's pixels whose class differs between two answers (N, H, W)."""
    differs: np.ndarray = (expected != found).mean(axis=(1, 2))
    return float(differs.max(initial=0.0))


def rle_of(pixels: "np.ndarray") -> Rle:
    """Return (H, W) bool as run lengths: ``size`` [H, W], and ``counts`` that begin with pixels that are not set.

    Pixels are numbered down the columns. Source: COCO's uncompressed RLE, maskApi.h.
    """
    import numpy as np

    flat = pixels.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return {"size": list(pixels.shape), "counts": [0, *counts] if flat[0] else counts}


def pixels_of(rle: Rle) -> "np.ndarray":
    """Return the (H, W) bool array that rle_of() was given."""
    import numpy as np

    counts = rle["counts"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    pixels: np.ndarray = flat.reshape(rle["size"], order="F")
    return pixels


def mask_of(said: Mapping[str, Any], labels: Sequence[str]) -> "np.ndarray":
    """Return the (H, W) uint8 mask of an answer, class codes by these labels."""
    import numpy as np

    height, width = next(iter(said["mask"].values()))["size"]
    mask = np.zeros((height, width), np.uint8)
    for name, rle in said["mask"].items():
        mask[pixels_of(rle)] = list(labels).index(name)
    return mask
