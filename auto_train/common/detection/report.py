"""What a report shows of a detector: the score of each image, a table of classes, curves."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from auto_train.common.detection.metrics import box_arrays, count_by_class, count_by_image
from auto_train.data.augment.boxes import NO_BOX
from auto_train.metrics.boxes import RECALLS, BoxMeasure

# Classes with a curve of their own: those with the most boxes.
MAX_CURVES = 10


def detection_rows(
    found: np.ndarray, true: np.ndarray, threshold: float, labels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return of each image the F1 of its boxes as ``score``, what is there and was found, and how much of it is right.

    And the arrays that all metrics follow from.
    """
    counts = count_by_image(found, true, threshold)
    arrays = box_arrays(found, true, len(labels), threshold)
    there = [rows[rows[:, 0] != NO_BOX] for rows in true]
    listed = [rows[rows[:, 4] > threshold] for rows in found]
    return {
        "score": counts.f1,
        "label": np.array([f"{_count_boxes(rows[:, 0], labels)}{_digest(rows)}" for rows in there], dtype=object),
        "answer": np.array([_count_boxes(rows[:, 5], labels) for rows in listed], dtype=object),
        "right": counts.right,
        "wrong": counts.wrong,
        "missed": counts.missed,
        **arrays,
    }


def _count_boxes(codes: np.ndarray, labels: Sequence[str]) -> str:
    """Return how many boxes there are of each class; those around many are none."""
    numbers = Counter(labels[int(code)] for code in codes if code >= 0)
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items())) or "no boxes"


def _digest(rows: np.ndarray) -> str:
    """Return eight digits that stand for where the true boxes of an image are."""
    order = np.lexsort(rows.T)
    return f" #{hashlib.sha256(np.ascontiguousarray(rows[order]).tobytes()).hexdigest()[:8]}" if len(rows) else ""


def detection_parts(
    found: np.ndarray, true: np.ndarray, threshold: float, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the table of classes and the curves of a split."""
    curves = BoxMeasure(box_arrays(found, true, len(labels), threshold), labels).curves()
    counts = count_by_class(found, true, threshold, len(labels))
    averages = [values.mean(axis=(0, 1)) for values in (curves, curves[:1], curves[5:6])]
    boxes = counts.right + counts.missed
    rows = [
        [label, int(boxes[i]), *(_number(values[i]) for values in averages)]
        + [_number(values[i]) if boxes[i] else None for values in (counts.precision, counts.recall, counts.f1)]
        for i, label in enumerate(labels)
    ]
    total = counts.total()
    table = {
        "kind": "table",
        "title": "Classes",
        "columns": ["class", "boxes", "AP 50–95", "AP 50", "AP 75", "precision", "recall", "F1"],
        "rows": [
            *rows,
            ["all", int(boxes.sum()), *(_number(_mean(values)) for values in averages)]
            + [_number(value) for value in (total.precision, total.recall, total.f1)],
        ],
        "note": f"Precision, recall and F1 are those of boxes with a confidence above {threshold:.3f}, which gave the "
        "best F1 on the validation images; a box is right from an IoU of 0.5 on. AP as COCO defines it.",
    }
    return [table, _recall_curves(curves[0], boxes, labels)]


def _recall_curves(precision: np.ndarray, boxes: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    shown = [int(i) for i in np.argsort(-boxes, kind="stable")[:MAX_CURVES] if boxes[i]]
    lines = [{"name": labels[i], "x": RECALLS.tolist(), "y": precision[:, i].round(4).tolist()} for i in shown]
    return {
        "kind": "curves",
        "title": "Precision over recall at IoU 0.5",
        "x": "recall",
        "y": "precision",
        "lines": lines,
    }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _mean(values: np.ndarray) -> float:
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
