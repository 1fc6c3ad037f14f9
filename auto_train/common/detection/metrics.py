"""How good found boxes are: which of them are right, and the confidence from which they are worth listing.

Boxes are shares of the image here, which changes no overlap: found ones (N, K, 6) left, top, right, bottom, confidence,
class code, the most confident first and confidence 0 where there is none; true ones (N, M, 5) as of BoxRows.
"""

from typing import NamedTuple

import numpy as np

from auto_train.common.detection.rows import CROWD
from auto_train.metrics.boxes import IOUS

# Images whose overlaps are computed at a time.
_BLOCK = 256


def box_arrays(found: np.ndarray, true: np.ndarray, num_classes: int, threshold: float) -> dict[str, np.ndarray]:
    """Return what BoxMeasure measures, of answers that list boxes above a confidence."""
    # Most images have far less boxes than there is room for.
    found = found[:, : max(int((found[..., 4] > 0).sum(axis=1).max(initial=0)), 1)]
    return {
        "hits": hits(found, true),
        "scores": found[..., 4],
        "codes": found[..., 5].astype(np.int32),
        "is_listed": found[..., 4] > threshold,
        "there": np.stack([(true[..., 0] == code).sum(axis=1) for code in range(num_classes)], axis=1),
    }


def hits(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return (N, K, 10) int8: 1 for a found box that is right, 0 for a wrong one, -1 for none or one in a crowd.

    The most confident ones choose first, of the true boxes of their class that are left the one they overlap most, if
    that is by the IoU asked for: one of IOUS each.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(found), _BLOCK)]
    parts = [_hits(found[block], true[block]) for block in blocks]
    return np.concatenate(parts) if parts else np.zeros((*found.shape[:2], len(IOUS)), dtype=np.int8)


class Counts(NamedTuple):
    """How many of the boxes above a confidence are right.

    Attributes:
        right, wrong, missed: numbers of boxes.
    """

    right: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray

    def total(self) -> "Counts":
        """Return the same of all together."""
        return Counts(*(values.sum() for values in self))

    @property
    def precision(self) -> np.ndarray:
        return self.right / np.maximum(self.right + self.wrong, 1)

    @property
    def recall(self) -> np.ndarray:
        return self.right / np.maximum(self.right + self.missed, 1)

    @property
    def f1(self) -> np.ndarray:
        """Return the F1; 1 where there is nothing and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return np.where(total > 0, 2 * self.right / np.maximum(total, 1), 1.0)


def find_best_threshold(found: np.ndarray, true: np.ndarray) -> float:
    """Return the confidence above which the F1 of all boxes is highest, half way to the next lower one.

    0.5 where nothing right was found.
    """
    right = hits(found, true)[..., 0]
    counted = right >= 0
    confidences, right = found[..., 4][counted].astype(float), right[counted]
    order = np.argsort(-confidences, kind="stable")
    confidences, right = confidences[order], right[order]
    total = int((true[..., 0] >= 0).sum())
    if not right.any():
        return 0.5
    f1 = 2 * np.cumsum(right) / (np.arange(1, len(right) + 1) + total)
    # Of equal confidences only the last can be a limit.
    is_last = np.append(confidences[1:] < confidences[:-1], True)
    best = int(np.where(is_last, f1, -1).argmax())
    below = confidences[best + 1] if best + 1 < len(confidences) else 0.0
    return float((confidences[best] + below) / 2)


def count_by_image(found: np.ndarray, true: np.ndarray, threshold: float) -> Counts:
    """Return (N,) right, wrong and missed boxes of each image above a confidence."""
    right = np.where(found[..., 4] > threshold, hits(found, true)[..., 0], -1)
    hit = (right == 1).sum(axis=1)
    return Counts(right=hit, wrong=(right == 0).sum(axis=1), missed=(true[..., 0] >= 0).sum(axis=1) - hit)


def count_by_class(found: np.ndarray, true: np.ndarray, threshold: float, num_classes: int) -> Counts:
    """Return (C,) right, wrong and missed boxes of each class above a confidence."""
    right = np.where(found[..., 4] > threshold, hits(found, true)[..., 0], -1)
    codes = found[..., 5].astype(int)

    def count(codes: np.ndarray) -> np.ndarray:
        return np.bincount(codes, minlength=num_classes)

    hit = count(codes[right == 1])
    total = count(true[..., 0][true[..., 0] >= 0].astype(int))
    return Counts(right=hit, wrong=count(codes[right == 0]), missed=total - hit)


def _hits(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    is_true, is_crowd = true[..., 0] >= 0, true[..., 0] <= CROWD
    codes = np.where(is_crowd, CROWD - true[..., 0], true[..., 0])
    shared, own, other = _overlaps(found[..., :4], true[..., 1:])
    is_same = found[..., 5][:, :, None] == codes[:, None, :]
    iou = np.where(is_same & is_true[:, None, :], shared / np.maximum(own + other - shared, 1e-12), 0)
    in_crowd = np.where(is_same & is_crowd[:, None, :], shared / np.maximum(own, 1e-12), 0).max(axis=2, initial=0)
    is_found = found[..., 4] > 0
    result = np.where(is_found[..., None] & (in_crowd[..., None] < IOUS), 0, -1).astype(np.int8)
    free = np.repeat(is_true[:, None], len(IOUS), axis=1)
    images, places = np.ogrid[: len(found), : len(IOUS)]
    for rank in range(found.shape[1] if true.shape[1] else 0):
        overlap = np.where(free, iou[:, rank, None], 0)
        best = overlap.argmax(axis=2)
        is_hit = (overlap[images, places, best] >= IOUS) & is_found[:, rank, None]
        result[:, rank][is_hit] = 1
        free[images, places, best] &= ~is_hit
    return result


def _overlaps(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the areas shared by each of (N, K, 4) and (N, M, 4), (N, K, M), and those of both."""
    a, b = a.astype(float)[:, :, None], b.astype(float)[:, None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.clip(sides, 0, None).prod(axis=3), *((box[..., 2:] - box[..., :2]).prod(axis=3) for box in (a, b))
