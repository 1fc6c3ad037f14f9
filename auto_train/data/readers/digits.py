"""The 1,797 handwritten digits that scikit-learn ships: real data without any network."""

from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.readers.base import Options

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

# What the data of a format looks like, in a few words; this one is asked for by name only.
LOOKS = ""


def detect(folder: Path, options: Options) -> bool:
    """Return False: it is asked for by name only."""
    return False


def read(folder: Path, options: Options) -> "Samples":
    """Return 1,797 grey images of 8 x 8 pixels in ten classes, without splits.

    Source: scikit-learn ``load_digits``, test set of the UCI "Optical Recognition of Handwritten Digits", values 0..16.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    from auto_train.data.readers.idx import array_samples

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return array_samples([("digits", "", pixels, digits.target)], root=None)
