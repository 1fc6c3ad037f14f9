"""Metrics of masks from numbers of pixels, which are small for each image and can be added up over any of them."""

import numpy as np


def ious(found: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class, (…, C); NaN for classes neither predicted nor true.

    Args:
        found: (…, C, 3) rightly found, predicted and true pixels of each class, of an image or added up.
    """
    both, said, true = np.moveaxis(np.asarray(found, dtype=float), -1, 0)
    return _share(both, said + true - both)


def dices(found: np.ndarray) -> np.ndarray:
    """Return 2 · intersection / (predicted + true) of each class; arguments and NaN as ious()."""
    both, said, true = np.moveaxis(np.asarray(found, dtype=float), -1, 0)
    return _share(2 * both, said + true)


def mask_metrics(found: np.ndarray) -> dict[str, np.ndarray]:
    """Return miou, dice and pixel_accuracy, each (…); NaN where no pixel says anything.

    ``miou`` is the mean over all classes that occur, ``dice`` that over all but the first one, the background; both of
    the pixels of all images together.

    Args:
        found: (…, C, 3) as for ious(), added up over the images.
    """
    return {
        "miou": mean_over_classes(ious(found)),
        "dice": mean_over_classes(dices(found)[..., 1:]),
        "pixel_accuracy": _share(found[..., 0].sum(axis=-1), found[..., 2].sum(axis=-1)),
    }


def mean_over_classes(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is not NaN; NaN where nothing is known."""
    is_known = ~np.isnan(values)
    return _share(np.where(is_known, values, 0).sum(axis=-1), is_known.sum(axis=-1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0)
