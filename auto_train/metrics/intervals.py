"""Metrics over many draws of the same rows at once, and the intervals that follow: bootstrap and Wilson."""

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from auto_train.errors import DataError
from auto_train.metrics.measures import Arrays, Values, measures_of

if TYPE_CHECKING:
    import pandas as pd

ECE_BINS = 15
LOWER_IS_BETTER = {"loss", "ece", "mae", "rmse", "nmae"}
# Those of one column of several have its name behind them.
LOWER_OF_COLUMN = ("mae_", "rmse_")
SEED = 0
# Draws of a metric: 1,000 give ends of an interval to about a tenth of its width; large sets need fewer of them, and
# 20 million rows drawn take a second.
MAX_DRAWS, FEWEST_DRAWS, MAX_ROWS_DRAWN = 1000, 100, 20_000_000
# Rows drawn at a time: their numbers and values take some 50 MB.
BLOCK = 1_000_000
LEVEL = 0.95


class Statistics:
    """The metrics that follow from the rows of predictions/<split>.csv, for any draws of them.

    Args:
        table: the rows.
        labels: class names; the columns label and predicted, where there are both, hold some of them.
        score: what the mean of column score is called.
        arrays: what predictions/<split>.npz holds of these rows.
    """

    def __init__(self, table: "pd.DataFrame", labels: Sequence[str], score: str, arrays: Arrays | None = None):
        self.means: Values = {score: table["score"].to_numpy(float)}
        if "loss" in table:
            self.means["loss"] = table["loss"].to_numpy(float)
        if "rank" in table and len(labels) > 5:
            self.means["top5_accuracy"] = (table["rank"] <= 5).to_numpy(float)
        self.has_classes = {"label", "predicted"} <= set(table.columns)
        if self.has_classes:
            self.true, self.said, self.num_classes = *codes(table, labels), len(labels)
        if "confidence" in table:
            confidence = table["confidence"].to_numpy(float)
            self.bin, self.gap = bins_of(confidence), confidence - self.means[score]
        self.measures = measures_of(arrays or {}, labels)
        self.width = max([1, *(measure.width for measure in self.measures)])

    def __call__(self, draws: np.ndarray) -> Values:
        """Return every metric of each draw, (draws,).

        Args:
            draws: (draws, N) row numbers.
        """
        found = {name: values[draws].mean(axis=1) for name, values in self.means.items()}
        if self.has_classes:
            found |= self._by_class(draws)
        if hasattr(self, "gap"):
            gaps = _count_draws(self.bin[draws], ECE_BINS, self.gap[draws])
            found["ece"] = np.abs(gaps).sum(axis=1) / draws.shape[1]
        for measure in self.measures:
            found |= measure(draws)
        return found

    def all_rows(self) -> dict[str, float]:
        """Return the metrics of the table as it is."""
        n = len(next(iter(self.means.values())))
        found = {name: float(values[0]) for name, values in self(np.arange(n)[None]).items()}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _by_class(self, draws: np.ndarray) -> Values:
        """Return means over the classes that occur among the labels or the predictions, as scikit-learn does."""
        true, said = self.true[draws], self.said[draws]
        hits = _count_draws(true, self.num_classes, true == said)
        in_truth, in_answers = _count_draws(true, self.num_classes), _count_draws(said, self.num_classes)
        occurs = (in_truth + in_answers) > 0
        parts = {"f1_macro": (2 * hits, in_truth + in_answers)}
        parts |= {"precision_macro": (hits, in_answers), "recall_macro": (hits, in_truth)}
        count = occurs.sum(axis=1)
        return {name: (a / np.maximum(b, 1)).sum(axis=1) / count for name, (a, b) in parts.items()}


def codes(table: "pd.DataFrame", labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns label and predicted as class numbers, (N,) each.

    Raises:
        DataError: a name that is no class of the model.
    """
    number = {label: i for i, label in enumerate(labels)}
    true, said = (table[name].map(number) for name in ("label", "predicted"))
    for name, found in (("label", true), ("predicted", said)):
        if found.isna().any():
            unknown = sorted(set(table[name][found.isna()]))
            raise DataError(
                f"'{unknown[0]}' is no class of the model", where=f"column {name}", allowed=", ".join(labels)
            )
    return true.to_numpy(np.intp), said.to_numpy(np.intp)


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """Return in which of ECE_BINS equal-width bins each confidence lies."""
    return np.minimum((confidence * ECE_BINS).astype(np.intp), ECE_BINS - 1)


def _count_draws(numbers: np.ndarray, size: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how often each number occurs in each draw, (draws, size), or the sum of its weights."""
    rows = len(numbers)
    places = numbers + size * np.arange(rows)[:, None]
    flat = None if weights is None else weights.ravel()
    return np.bincount(places.ravel(), flat, rows * size).reshape(rows, size)


def _draws(n: int, width: int = 1) -> Iterator[np.ndarray]:
    """Yield blocks (draws, n) of row numbers drawn with replacement, the same at every call; few of wide rows."""
    generator = np.random.default_rng(SEED)
    left = int(np.clip(MAX_ROWS_DRAWN // (n * width), FEWEST_DRAWS, MAX_DRAWS))
    while left > 0:
        size = min(left, max(BLOCK // n, 1))
        yield generator.integers(0, n, (size, n), dtype=np.int32)
        left -= size


def intervals(statistics: Statistics, n: int) -> dict[str, tuple[float, float]]:
    """Return the 95 % bootstrap interval of every metric of n rows.

    The draws are centred on the metric: that of a resample is biased for ECE and macro averages. Where every row, or
    none, is right, resamples cannot differ; Wilson's interval says then what n rows can show.
    """
    point = statistics.all_rows()
    blocks = [statistics(draws) for draws in _draws(n, statistics.width)]
    found = {name: _interval(value, _join_blocks(blocks, name), name) for name, value in point.items()}
    for name, values in statistics.means.items():
        if point[name] in (0.0, 1.0) and set(np.unique(values)) <= {0.0, 1.0}:
            found[name] = wilson(point[name], n)
    return found


def differences(a: Statistics, b: Statistics, n: int) -> dict[str, dict[str, float]]:
    """Return for every metric of the same n rows: a, b, difference and the ends of its paired 95 % interval."""
    before, after = a.all_rows(), b.all_rows()
    names = [name for name in before if name in after]
    blocks = [(a(draws), b(draws)) for draws in _draws(n, max(a.width, b.width))]
    pairs = [{name: second[name] - first[name] for name in names} for first, second in blocks]
    found = {}
    for name in names:
        change = after[name] - before[name]
        low, high = _interval(change, _join_blocks(pairs, name))
        found[name] = {"a": before[name], "b": after[name], "difference": change, "low": low, "high": high}
    return found


def _join_blocks(blocks: Sequence[Values], name: str) -> np.ndarray:
    return np.concatenate([block[name] for block in blocks])


def _interval(point: float, drawn: np.ndarray, name: str = "") -> tuple[float, float]:
    """Return the ends that hold LEVEL of the draws, centred on the point; those of a named share within 0 and 1.

    Draws that do not tell the metric, such as those without an image of any label, are left out.
    """
    tail, drawn = (1 - LEVEL) / 2, drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [tail, 1 - tail]) - (drawn.mean() - point)
    if name:
        low = max(low, 0.0) if point >= 0 and not name.startswith("r2") else low
        high = min(high, 1.0) if point <= 1 and (name == "ece" or not is_lower_better(name)) else high
    return float(low), float(high)


def wilson(share: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends of Wilson's interval (1927) for a share of n: sound for few rows, and for shares of 0 and 1."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def mean_interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a mean: Wilson's for shares, else the normal one."""
    mean, n = float(values.mean()), len(values)
    if set(np.unique(values)) <= {0.0, 1.0}:
        return wilson(mean, n, level)
    half = NormalDist().inv_cdf((1 + level) / 2) * float(values.std(ddof=1 if n > 1 else 0)) / n**0.5
    return mean - half, mean + half


def is_lower_better(name: str) -> bool:
    """Tell the direction of a metric by its name, with or without its split."""
    short = name.rpartition("/")[2]
    return short in LOWER_IS_BETTER or short.startswith(LOWER_OF_COLUMN)
