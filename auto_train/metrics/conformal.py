"""Intervals that hold the true number as often as they say: split conformal prediction."""

import math

import numpy as np


def margins(residuals: np.ndarray, level: float) -> np.ndarray:
    """Return (K,) half widths: intervals that wide hold a new value with a chance of at least ``level``.

    That is the k-th smallest residual with k = ceil((n + 1) · level), and the largest where n is too small for it:
    see :func:`fewest_residuals`.

    Args:
        residuals: (n, K) absolute errors on images that the model was not trained on.
        level: chance, 0 to 1.

    Source: Lei et al. 2018, Distribution-Free Predictive Inference for Regression, algorithm 2.
    """
    n = len(residuals)
    k = min(math.ceil((n + 1) * level), n)
    found: np.ndarray = np.partition(residuals, k - 1, axis=0)[k - 1]
    return found


def fewest_residuals(level: float) -> int:
    """Return how many residuals a level needs at least."""
    return math.ceil(level / (1 - level) - 1e-9)


def cross_conformal_coverage(residuals: np.ndarray, level: float) -> np.ndarray:
    """Return (n, K) bool: whether each value lies in intervals made of the other half of these rows.

    That is the honest measure on the very rows that the intervals are made of. The halves are every other row.
    """
    even = np.arange(len(residuals)) % 2 == 0
    found = np.ones(residuals.shape, bool)
    if len(residuals) > 1:
        for half in (even, ~even):
            found[half] = residuals[half] <= margins(residuals[~half], level)
    return found
