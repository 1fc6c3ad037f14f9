"""Masks compared: pixels counted for each image, and what a report shows of them; metrics: reports/masks.py."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from auto_train.data.targets import IGNORE
from auto_train.metrics.masks import dices, ious

# Up to so many classes it is kept which is taken for which: 16 KB for each image.
MAX_CONFUSED = 64
# Rows of the table of confusions.
MAX_CONFUSIONS = 12


def count_pixels(predicted: torch.Tensor, targets: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Return the pixels of each image by what they are and what they are taken for, ignored ones left out.

    Args:
        predicted, targets: (N, H, W) class codes.

    Returns:
        (N, C, C) int32, true class by predicted class; of more than MAX_CONFUSED classes (N, C, 3): rightly found,
        predicted and true pixels of each.
    """
    n = len(predicted)
    image = torch.arange(n, device=predicted.device).view(-1, 1, 1).expand_as(predicted)
    is_counted = targets != IGNORE
    image, said, true = image[is_counted], predicted[is_counted].long(), targets[is_counted].long()

    def count(*numbers: torch.Tensor) -> torch.Tensor:
        place = image
        for number in numbers:
            place = place * num_classes + number
        size = num_classes ** len(numbers)
        return torch.bincount(place, minlength=n * size).view(n, *[num_classes] * len(numbers)).int()

    if num_classes <= MAX_CONFUSED:
        return count(true, said)
    both = torch.bincount((image * num_classes + true)[true == said], minlength=n * num_classes)
    return torch.stack([both.view(n, num_classes).int(), count(said), count(true)], dim=2)


def areas(counts: torch.Tensor) -> np.ndarray:
    """Return (N, C, 3) int64 of what count_pixels() gives: rightly found, predicted and true pixels of each class."""
    if counts.shape[1] != counts.shape[2]:
        return counts.numpy().astype(np.int64)
    array = counts.numpy().astype(np.int64)
    return np.stack([np.diagonal(array, axis1=1, axis2=2), array.sum(axis=1), array.sum(axis=2)], axis=2)


def mask_parts(counts: torch.Tensor, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the sections of a report: each class, and which are taken for which.

    Args:
        counts: as count_pixels() gives, of a split.
    """
    parts = [_class_table(areas(counts), labels)]
    if counts.shape[1] == counts.shape[2] > 2:
        parts.append(_confusion_table(counts.sum(dim=0, dtype=torch.int64).numpy(), labels))
    return parts


def _class_table(found: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    both, said, true = found.sum(axis=0).T
    table = zip(labels, ious(found.sum(axis=0)), dices(found.sum(axis=0)), both, said, true, strict=True)
    rows = [
        [
            name,
            round(float(iou), 4),
            round(float(dice), 4),
            round(float(b / s), 4) if s else None,
            round(float(b / t), 4) if t else None,
            round(float(t / max(true.sum(), 1)), 4),
            int((found[:, code, 2] > 0).sum()),
        ]
        for code, (name, iou, dice, b, s, t) in enumerate(table)
        if s + t
    ]
    columns = ["class", "IoU", "dice", "precision", "recall", "share of pixels", "images"]
    note = "classes that are neither in these images nor predicted are left out"
    return {"kind": "table", "title": "Classes", "columns": columns, "rows": rows, "note": note}


def _confusion_table(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = [np.unravel_index(place, wrong.shape) for place in np.argsort(-wrong, axis=None)[:MAX_CONFUSIONS]]
    rows = [
        [labels[true], labels[said], int(wrong[true, said]), round(float(wrong[true, said] / matrix[true].sum()), 4)]
        for true, said in order
        if wrong[true, said]
    ]
    columns = ["is", "taken for", "pixels", "share of the class"]
    return {"kind": "table", "title": "Confusions", "columns": columns, "rows": rows}
