"""Metrics of masks from counts of pixels: small for each image, and those of any images can be added up."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from auto_train.data.targets import IGNORE

# Up to so many classes it is kept which is taken for which: 16 KB for each image.
MOST_CONFUSED = 64
# Draws of the bootstrap, fewer of many images; and rows of the table of confusions.
MOST_DRAWS, FEWEST_DRAWS, MOST_DRAWN, LEVEL = 1000, 100, 20_000_000, 0.95
MOST_CONFUSIONS = 12


def counted(predicted: torch.Tensor, targets: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Return the pixels of each image by what they are and what they are taken for, ignored ones left out.

    Args:
        predicted, targets: (N, H, W) class codes.

    Returns:
        (N, C, C) int32, true class by predicted class; of more than MOST_CONFUSED classes (N, C, 3): rightly found,
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

    if num_classes <= MOST_CONFUSED:
        return count(true, said)
    both = torch.bincount((image * num_classes + true)[true == said], minlength=n * num_classes)
    return torch.stack([both.view(n, num_classes).int(), count(said), count(true)], dim=2)


def areas(counts: torch.Tensor) -> np.ndarray:
    """Return (N, C, 3) int64 of what counted() gives: rightly found, predicted and true pixels of each class."""
    if counts.shape[1] != counts.shape[2]:
        return counts.numpy().astype(np.int64)
    array = counts.numpy().astype(np.int64)
    return np.stack([np.diagonal(array, axis1=1, axis2=2), array.sum(axis=1), array.sum(axis=2)], axis=2)


def ious(found: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class, (…, C); NaN for classes neither predicted nor true.

    Args:
        found: (…, C, 3) as areas() gives, of an image or added up.
    """
    both, said, true = np.moveaxis(found.astype(float), -1, 0)
    union = said + true - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


def dices(found: np.ndarray) -> np.ndarray:
    """Return 2 · intersection / (predicted + true) of each class; arguments and NaN as ious()."""
    both, said, true = np.moveaxis(found.astype(float), -1, 0)
    return np.where(said + true > 0, 2 * both / np.maximum(said + true, 1), np.nan)


def mask_metrics(found: np.ndarray) -> dict[str, np.ndarray]:
    """Return miou, dice and pixel_accuracy, each (…).

    ``miou`` is the mean over all classes that occur, ``dice`` that over all but the first one, the background; both of
    the pixels of all images together.

    Args:
        found: (…, C, 3) as areas() gives, added up over the images.
    """
    pixels = found[..., 2].sum(axis=-1)
    return {
        "miou": mean_of_known(ious(found)),
        "dice": mean_of_known(dices(found)[..., 1:]),
        "pixel_accuracy": found[..., 0].sum(axis=-1) / np.maximum(pixels, 1),
    }


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is not NaN; 0 where nothing is known."""
    known = ~np.isnan(values)
    mean: np.ndarray = np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return mean


def intervals(found: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the ends of the 95 % bootstrap interval of each of mask_metrics: images are drawn, not pixels.

    Args:
        found: (N, C, 3).
    """
    n = len(found)
    count = int(np.clip(MOST_DRAWN // n, FEWEST_DRAWS, MOST_DRAWS))
    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), count)
    # Numbers of pixels stay exact in float64, whose products of matrices are fast.
    sums = (draws.astype(float) @ found.reshape(n, -1).astype(float)).reshape(count, *found.shape[1:])
    tail = (1 - LEVEL) / 2
    drawn = mask_metrics(sums)
    ends = {name: np.quantile(values, [tail, 1 - tail]) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def mask_parts(counts: torch.Tensor, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the sections of a report: the metrics with intervals, each class, and which are taken for which.

    Args:
        counts: as counted() gives, of a split.
    """
    found = areas(counts)
    ends, values = intervals(found), mask_metrics(found.sum(axis=0))
    parts = [
        {
            "kind": "table",
            "title": "Metrics",
            "columns": ["metric", "value", "low", "high"],
            "rows": [
                [name, round(float(value), 4), *(round(end, 4) for end in ends[name])] for name, value in values.items()
            ],
            "note": "low and high hold 95 % of what sets of as many images would show; dice leaves the first class out",
        },
        _class_table(found, labels),
    ]
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
    order = [np.unravel_index(place, wrong.shape) for place in np.argsort(-wrong, axis=None)[:MOST_CONFUSIONS]]
    rows = [
        [labels[true], labels[said], int(wrong[true, said]), round(float(wrong[true, said] / matrix[true].sum()), 4)]
        for true, said in order
        if wrong[true, said]
    ]
    columns = ["is", "taken for", "pixels", "share of the class"]
    return {"kind": "table", "title": "Confusions", "columns": columns, "rows": rows}
