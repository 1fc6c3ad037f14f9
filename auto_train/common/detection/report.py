"""What a report shows of a detector: the score of each image, a table of classes, curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from auto_train.common.detection.metrics import coco_curves, counts_by_class, counts_by_image

# Classes with a curve of their own: those with the most boxes.
MOST_CURVES = 10
RECALLS = np.linspace(0, 1, 101)


def detection_rows(found: np.ndarray, true: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Return of each image the F1 of its boxes as ``score``, and how many are there, right, wrong and missed."""
    counts = counts_by_image(found, true, threshold)
    return {
        "score": counts.f1,
        "boxes": counts.right + counts.missed,
        "right": counts.right,
        "wrong": counts.wrong,
        "missed": counts.missed,
    }


def detection_parts(
    found: np.ndarray, true: np.ndarray, threshold: float, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the table of classes and the curves of a split."""
    curves = coco_curves(found, true, len(labels))
    counts = counts_by_class(found, true, threshold, len(labels))
    averages = [curves.average(iou) for iou in (None, 0.5, 0.75)]
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
    return [table, _recall_curves(curves.precision[0], boxes, labels)]


def _recall_curves(precision: np.ndarray, boxes: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    shown = [int(i) for i in np.argsort(-boxes, kind="stable")[:MOST_CURVES] if boxes[i]]
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
