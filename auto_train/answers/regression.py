"""The answer of a regression."""

from typing import TYPE_CHECKING

from auto_train.answers import Answer, Described

if TYPE_CHECKING:
    import numpy as np


def answer(values: "np.ndarray", model: Described) -> Answer:
    """Give the number of each column, with its interval and unit.

    Args:
        values: (K, 3) float32: value, lower and upper end of the interval, in the columns' units.
        model: its facts are ``units``, one for each column, and ``interval``, the share of images whose true value the
            intervals are made to hold.
    """
    columns = zip(model.labels, values.tolist(), model.facts["units"], strict=True)
    return {
        "values": {
            name: {"value": value, "low": low, "high": high, "unit": unit} for name, (value, low, high), unit in columns
        },
        "interval": float(model.facts["interval"]),
        "model": model.name,
    }


def difference(expected: "np.ndarray", found: "np.ndarray") -> float:
    """Return the largest difference of answers (N, K, 3), in widths of their intervals.

    Columns have units of their own: what is nothing in one is everything in another. Where an interval has hardly any
    width, a thousandth of the number stands for it: float32 holds seven digits.
    """
    import numpy as np

    expected, found = expected.astype(float), found.astype(float)
    width = expected[..., 2:] - expected[..., 1:2]
    scale = np.maximum(width, 1e-3 * np.abs(expected).max(axis=-1, keepdims=True))
    return float((np.abs(found - expected) / np.maximum(scale, np.finfo(float).tiny)).max(initial=0.0))
