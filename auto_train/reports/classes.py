"""What the rows of a classifier say beyond its metrics: classes, confusions, calibration, ROC and PR curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from auto_train.errors import DataError
from auto_train.metrics.intervals import ECE_BINS, bins_of, codes

if TYPE_CHECKING:
    import pandas as pd

# Up to this many classes report.json has the whole matrix, and each class has its own curve.
MAX_CELLS, MAX_CURVES = 100, 10
MAX_PAIRS = 30
# Points of a drawn curve.
GRID = np.linspace(0, 1, 101)

Curve = dict[str, Any]


def matrix(table: "pd.DataFrame", labels: Sequence[str]) -> np.ndarray:
    """Return (C, C) counts: the images of class i that were taken for class j."""
    true, said = codes(table, labels)
    size = len(labels)
    return np.bincount(true * size + said, minlength=size**2).reshape(size, size)


def per_class(counts: np.ndarray, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall, F1, number of images and the most frequent wrong answer of every class."""
    hits, images, answers = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    wrong = counts - np.diag(hits)
    rows = []
    for i, label in enumerate(labels):
        other = int(wrong[i].argmax())
        rows.append(
            {
                "label": label,
                "images": int(images[i]),
                "precision": _share(hits[i], answers[i]),
                "recall": _share(hits[i], images[i]),
                "f1": _share(2 * hits[i], images[i] + answers[i]),
                "taken_for": labels[other] if wrong[i, other] else None,
                "taken_for_images": int(wrong[i, other]),
            }
        )
    return rows


def _share(part: int, whole: int) -> float | None:
    """Return part / whole; None where there is nothing to divide by: a class that does not occur."""
    return float(part / whole) if whole else None


def confusion(counts: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """Return the matrix, for MAX_CELLS classes at most, and the pairs that are confused most."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = [
        {
            "label": labels[i],
            "predicted": labels[j],
            "images": int(wrong[i, j]),
            "share": float(wrong[i, j] / counts[i].sum()),
        }
        for i, j in (divmod(int(at), len(labels)) for at in order)
        if wrong[i, j]
    ]
    return {"cells": counts.tolist() if len(labels) <= MAX_CELLS else None, "pairs": pairs}


def calibration(table: "pd.DataFrame") -> dict[str, Any]:
    """Return ECE and bins of the confidences as answered, and of those before the temperature."""
    right = table["score"].to_numpy(float)
    found = {"after": _measure_calibration(table["confidence"].to_numpy(float), right)}
    if "uncalibrated" in table:
        found["before"] = _measure_calibration(table["uncalibrated"].to_numpy(float), right)
    return found


def _measure_calibration(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Return the expected calibration error and, of every bin with images, their number, confidence and accuracy."""
    places = bins_of(confidence)
    counts, confidences, hits = (np.bincount(places, weights, ECE_BINS) for weights in (None, confidence, right))
    bins = [
        {
            "from": i / ECE_BINS,
            "to": (i + 1) / ECE_BINS,
            "images": int(counts[i]),
            "confidence": float(confidences[i] / counts[i]),
            "accuracy": float(hits[i] / counts[i]),
        }
        for i in range(ECE_BINS)
        if counts[i]
    ]
    return {"ece": float(np.abs(confidences - hits).sum() / len(right)), "bins": bins}


def curves(table: "pd.DataFrame", labels: Sequence[str], arrays: Path) -> dict[str, list[Curve]]:
    """Return ROC and precision-recall curves: their mean over the classes that occur, and each of a few classes.

    Args:
        arrays: predictions/<split>.npz: ``log_probabilities`` (n, C) of the rows ``rows`` of the table; nothing is
            returned where there is no such file.

    Raises:
        DataError: the file is damaged.
    """
    if not arrays.is_file():
        return {}
    true, scores = _scores(table, labels, arrays)
    present = [c for c in range(len(labels)) if 0 < (true == c).sum() < len(true)]
    if not present:
        return {}
    each = {c: curve_values(scores[:, c], true == c) for c in present}
    found: dict[str, list[Curve]] = {}
    for kind in ("roc", "pr"):
        lines = [_curve(labels[c], *each[c][kind]) for c in present] if len(present) <= MAX_CURVES else []
        mean = np.mean([each[c][kind][0] for c in present], axis=0)
        area = float(np.mean([each[c][kind][1] for c in present]))
        found[kind] = [_curve("mean of the classes", mean, area), *lines]
    return found


def _curve(name: str, values: np.ndarray, area: float) -> Curve:
    return {"name": name, "area": area, "x": GRID.round(2).tolist(), "y": values.round(4).tolist()}


def _scores(table: "pd.DataFrame", labels: Sequence[str], arrays: Path) -> tuple[np.ndarray, np.ndarray]:
    true, _ = codes(table, labels)
    try:
        with arrays.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            rows, scores = file["rows"], file["log_probabilities"]
            return true[rows], scores.astype(np.float32)
    except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile) as error:
        hint = "remove it: a report is made from what is there"
        raise DataError(f"cannot be read: {error}", where=str(arrays), hint=hint) from error


def curve_values(score: np.ndarray, is_class: np.ndarray) -> dict[str, tuple[np.ndarray, float]]:
    """Return the values on GRID, and the area, of the ROC curve and of precision over recall.

    The area under the second is average precision, the sum of precision times gain of recall, without interpolation.
    """
    order = np.argsort(-score, kind="stable")
    score, hit = score[order], is_class[order]
    # One point for each value of the score: rows that are tied come together.
    last = np.append(np.diff(score) != 0, True)
    hits, count = np.cumsum(hit)[last], np.flatnonzero(last) + 1
    recall, precision = hits / hits[-1], hits / count
    false = np.append(0.0, (count - hits) / max(len(hit) - hits[-1], 1))
    rising = np.append(0.0, recall)
    average = float((np.diff(rising) * precision).sum())
    # The best precision at this recall or above: what a person could choose.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, GRID, side="left").clip(max=len(recall) - 1)
    # Of points with the same rate of false alarms the highest counts.
    on_grid = rising[np.searchsorted(false, GRID, side="right") - 1]
    return {
        "roc": (on_grid, float((np.diff(false) * (rising[1:] + rising[:-1])).sum() / 2)),
        "pr": (envelope[at], average),
    }
