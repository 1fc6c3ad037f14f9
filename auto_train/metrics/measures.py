"""Metrics that follow from the arrays of predictions/<split>.npz, for any draws of their rows.

The recipes measure with them too, so that a report's intervals are of exactly the metrics that were recorded.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from auto_train.metrics.boxes import BoxMeasure
from auto_train.metrics.masks import mask_metrics

Arrays = Mapping[str, np.ndarray]
Values = dict[str, np.ndarray]

# Of more labels the average precision of each is in the report's table only.
MAX_NAMED = 25
# Squared deviations below this share of what they are of all rows are rounding: the rows of a draw are all alike.
ROUNDING = 1e-9
# What the names of metrics cannot hold: they are <split>/<name>.
_UNNAMED = re.compile(r"[/\s]")


class Measure(Protocol):
    """Metrics of some rows.

    Attributes:
        width: values that a row costs; of wide rows fewer are drawn.
    """

    width: int

    def __call__(self, draws: np.ndarray) -> Values:
        """Return every metric of each draw, (draws,).

        Args:
            draws: (draws, N) row numbers.
        """
        ...


class LabelSetMeasure:
    """map, f1_micro, f1_macro and the average precision of every label.

    ``map`` is the mean over the labels that at least one row has, ``f1_macro`` that over the labels that occur among
    the truth or the answers; average precision is the sum of precision times gain of recall, without interpolation.

    Args:
        arrays: ``truth`` and ``said`` (N, C) of 0 and 1, ``probabilities`` (N, C).
        labels: the C names.
    """

    def __init__(self, arrays: Arrays, labels: Sequence[str]):
        self.truth, self.said = arrays["truth"].astype(bool), arrays["said"].astype(bool)
        self.labels, self.width = list(labels), max(len(labels), 1)
        scores = arrays["probabilities"]
        self.order = np.argsort(-scores, axis=0, kind="stable")
        # One point for each value of a score: rows that are tied come together.
        ranked = np.take_along_axis(scores, self.order, axis=0)
        self.last = [np.flatnonzero(np.append(np.diff(column) != 0, True)) for column in ranked.T]

    def __call__(self, draws: np.ndarray) -> Values:
        weights = count_draws(draws, len(self.truth))
        f1_micro, f1_macro = self._f1(weights)
        each = np.stack([self._average_precision(weights, c) for c in range(len(self.labels))])
        found = {"map": mean_of_known(each), "f1_micro": f1_micro, "f1_macro": f1_macro}
        if len(self.labels) <= MAX_NAMED:
            found |= {name_metric("ap", label): values for label, values in zip(self.labels, each, strict=True)}
        return found

    def _f1(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return micro and macro F1 of each draw; 0 where nothing is there to be found and nothing was said."""
        hits = 2 * weights @ (self.truth & self.said)
        both = weights @ (self.truth.astype(float) + self.said)
        micro = hits.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        return micro, (hits / np.maximum(both, 1)).sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1)

    def _average_precision(self, weights: np.ndarray, label: int) -> np.ndarray:
        """Return (draws,), NaN where no row of a draw has the label."""
        order, last = self.order[:, label], self.last[label]
        ranked = weights[:, order]
        hits = np.cumsum(ranked * self.truth[order, label], axis=1)[:, last]
        precision = hits / np.maximum(np.cumsum(ranked, axis=1)[:, last], 1)
        gained = (np.diff(hits, axis=1, prepend=0) * precision).sum(axis=1)
        return np.divide(gained, hits[:, -1], out=np.full(len(weights), np.nan), where=hits[:, -1] > 0)


class NumberMeasure:
    """mae, rmse, r2 and the coverage of the intervals; of several columns of each one, and their means.

    ``r2`` is 1 - squared error / squared deviation from the rows' own mean, NaN where that is 0.

    Args:
        arrays: ``truth`` and ``values`` (N, K); ``is_inside`` (N, K) of 0 and 1: the interval holds
            the truth.
        labels: names of the K columns.
    """

    def __init__(self, arrays: Arrays, labels: Sequence[str]):
        self.labels, self.width = list(labels), max(len(labels), 1)
        self.truth = arrays["truth"].astype(float)
        self.deviation = self.truth - self.truth.mean(axis=0)  # squares of large numbers would lose their digits
        self.least = ROUNDING * (self.deviation**2).mean(axis=0)
        self.error = arrays["values"].astype(float) - self.truth
        self.is_inside = arrays["is_inside"].astype(float)

    def __call__(self, draws: np.ndarray) -> Values:
        share = count_draws(draws, len(self.truth)) / draws.shape[1]
        squared = share @ self.error**2
        spread = share @ self.deviation**2 - (share @ self.deviation) ** 2
        each = {
            "mae": share @ abs(self.error),
            "rmse": np.sqrt(squared),
            "r2": 1 - np.divide(squared, spread, out=np.full(squared.shape, np.nan), where=spread > self.least),
            "coverage": share @ self.is_inside,
        }
        found = {name: mean_of_known(values.T) for name, values in each.items()}
        if len(self.labels) > 1:
            for name, values in each.items():
                found |= {name_metric(name, label): column for label, column in zip(self.labels, values.T, strict=True)}
        return found


class MaskMeasure:
    """miou, dice and pixel_accuracy: see mask_metrics.

    Args:
        arrays: ``areas`` (N, C, 3): rightly found, predicted and true pixels of each class.
        labels: names of the C classes.
    """

    def __init__(self, arrays: Arrays, labels: Sequence[str]):
        self.areas, self.width = arrays["areas"].astype(float), 3 * len(labels)

    def __call__(self, draws: np.ndarray) -> Values:
        n = len(self.areas)
        sums = count_draws(draws, n) @ self.areas.reshape(n, -1)
        return mask_metrics(sums.reshape(len(draws), *self.areas.shape[1:]))


# By the array that only this kind of answer has.
MEASURES: dict[str, Callable[[Arrays, Sequence[str]], Measure]] = {
    "probabilities": LabelSetMeasure,
    "values": NumberMeasure,
    "hits": BoxMeasure,
    "areas": MaskMeasure,
}


def measures_of(arrays: Arrays, labels: Sequence[str]) -> list[Measure]:
    """Return what measures the arrays of a split; nothing where there are none of a kind that is known."""
    return [make(arrays, labels) for name, make in MEASURES.items() if name in arrays]


def compute_metrics(measure: Measure, n: int) -> dict[str, float]:
    """Return the metrics of all n rows, less those that cannot be told of them."""
    found = {name: float(values[0]) for name, values in measure(np.arange(n)[None]).items()}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def count_draws(draws: np.ndarray, n: int) -> np.ndarray:
    """Return how often each of n rows is in each draw, (draws, n) float64."""
    places = draws + n * np.arange(len(draws))[:, None]
    return np.bincount(places.ravel(), minlength=len(draws) * n).reshape(len(draws), n).astype(float)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not NaN, NaN where nothing is known."""
    is_known = ~np.isnan(values)
    count = is_known.sum(axis=0)
    total = np.where(is_known, values, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def name_metric(metric: str, label: str) -> str:
    """Return the name of a metric of one label or column; what the names of metrics cannot hold becomes _."""
    return f"{metric}_{_UNNAMED.sub('_', label)}"
