"""How good found boxes are: average precision as COCO defines it, and hits at one confidence.

Boxes are shares of the image here, which changes no overlap: found ones (N, K, 6) left, top, right, bottom, confidence,
class code, the most confident first and confidence 0 where there is none; true ones (N, M, 5) as of BoxRows.
"""

from typing import Any, NamedTuple

import numpy as np

from auto_train.common.detection.rows import CROWD

# IoU that makes a found box a hit where one number is needed.
HIT_IOU = 0.5
# Images whose overlaps are computed at a time.
_BLOCK = 256


class Curves(NamedTuple):
    """Precision over recall of each class, as COCO samples it.

    Attributes:
        precision: (10, 101, C) at IoU 0.50, 0.55 … 0.95 and recall 0, 0.01 … 1; NaN for classes without boxes.
    """

    precision: np.ndarray

    def average(self, iou: float | None = None) -> np.ndarray:
        """Return (C,) average precisions at an IoU, or over all."""
        chosen = self.precision if iou is None else self.precision[[round((iou - 0.5) * 20)]]
        average: np.ndarray = chosen.mean(axis=(0, 1))
        return average


def coco_curves(found: np.ndarray, true: np.ndarray, num_classes: int) -> Curves:
    """Return what average precision is made of.

    Source: cocodataset.org, detection evaluation; computed by faster-coco-eval.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    images, rows = np.nonzero(found[..., 4] > 0)
    truth = COCO(_annotated(true, num_classes))
    if not len(images) or not len(truth.anns):
        return Curves(_nothing(true, num_classes))
    boxes = found[images, rows].astype(float)
    results = [
        {"image_id": image, "category_id": code, "bbox": box, "score": score}
        for image, code, box, score in zip(
            images.tolist(), boxes[:, 5].astype(int).tolist(), _sized(boxes[:, :4]), boxes[:, 4].tolist(), strict=True
        )
    ]
    evaluation: Any = COCOeval_faster(truth, truth.loadRes(results), "bbox", print_function=_quiet)
    parameters = evaluation.params
    # One range for all: areas are shares here, and COCO's small, medium and large are pixels of photographs.
    parameters.areaRng, parameters.areaRngLbl, parameters.maxDets = [[0, 1e10]], ["all"], [found.shape[1]]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"], dtype=float)[:, :, :, 0, 0]
    return Curves(np.where(precision < 0, np.nan, precision))


def average_precisions(curves: Curves) -> dict[str, float]:
    """Return map_50_95, map_50 and map_75; nothing where no class has a box."""
    ious = {"map_50_95": None, "map_50": 0.5, "map_75": 0.75}
    averages = {name: curves.average(iou) for name, iou in ious.items()}
    return {name: float(np.nanmean(values)) for name, values in averages.items() if not np.isnan(values).all()}


def hits(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return (N, K) int8: 1 for a found box that is right, 0 for a wrong one, -1 for none, or one in a crowd.

    The most confident ones choose first, the true box of their class that they overlap most, by HIT_IOU or more.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(found), _BLOCK)]
    parts = [_hits(found[block], true[block]) for block in blocks]
    return np.concatenate(parts) if parts else np.zeros(found.shape[:2], dtype=np.int8)


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


def best_threshold(found: np.ndarray, true: np.ndarray) -> float:
    """Return the confidence above which the F1 of all boxes is highest, half way to the next lower one.

    0.5 where nothing right was found.
    """
    right = hits(found, true)
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


def counts_by_image(found: np.ndarray, true: np.ndarray, threshold: float) -> Counts:
    """Return (N,) right, wrong and missed boxes of each image above a confidence."""
    right = np.where(found[..., 4] > threshold, hits(found, true), -1)
    hit = (right == 1).sum(axis=1)
    return Counts(right=hit, wrong=(right == 0).sum(axis=1), missed=(true[..., 0] >= 0).sum(axis=1) - hit)


def counts_by_class(found: np.ndarray, true: np.ndarray, threshold: float, num_classes: int) -> Counts:
    """Return (C,) right, wrong and missed boxes of each class above a confidence."""
    right = np.where(found[..., 4] > threshold, hits(found, true), -1)
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
    same = found[..., 5][:, :, None] == codes[:, None, :]
    iou = np.where(same & is_true[:, None, :], shared / np.maximum(own + other - shared, 1e-12), 0)
    in_crowd = (np.where(same & is_crowd[:, None, :], shared / np.maximum(own, 1e-12), 0) >= HIT_IOU).any(axis=2)
    result = np.where(found[..., 4] > 0, np.where(in_crowd, -1, 0), -1).astype(np.int8)
    images = np.arange(len(found))
    free = is_true.copy()
    for rank in range(found.shape[1] if true.shape[1] else 0):
        overlap = np.where(free, iou[:, rank], 0)
        best = overlap.argmax(axis=1)
        is_hit = (overlap[images, best] >= HIT_IOU) & (found[:, rank, 4] > 0)
        result[is_hit, rank] = 1
        free[images[is_hit], best[is_hit]] = False
    return result


def _overlaps(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the areas shared by each of (N, K, 4) and (N, M, 4), (N, K, M), and those of both."""
    a, b = a.astype(float)[:, :, None], b.astype(float)[:, None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.clip(sides, 0, None).prod(axis=3), *((box[..., 2:] - box[..., :2]).prod(axis=3) for box in (a, b))


def _annotated(true: np.ndarray, num_classes: int) -> dict[str, Any]:
    """Return true boxes as COCO's annotations."""
    images, rows = np.nonzero((true[..., 0] >= 0) | (true[..., 0] <= CROWD))
    boxes = true[images, rows].astype(float)
    is_crowd = boxes[:, 0] < 0
    codes = np.where(is_crowd, CROWD - boxes[:, 0], boxes[:, 0]).astype(int)
    found = zip(images.tolist(), codes.tolist(), _sized(boxes[:, 1:]), is_crowd.tolist(), strict=True)
    annotations = [
        {"id": i, "image_id": image, "category_id": code, "bbox": box, "area": box[2] * box[3], "iscrowd": int(crowd)}
        for i, (image, code, box, crowd) in enumerate(found, 1)
    ]
    return {
        "images": [{"id": i} for i in range(len(true))],
        "categories": [{"id": code} for code in range(num_classes)],
        "annotations": annotations,
    }


def _sized(corners: np.ndarray) -> list[list[float]]:
    """Return left, top, width, height."""
    rows: list[list[float]] = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()
    return rows


def _nothing(true: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the curves where nothing was found, or is to be found."""
    there = np.isin(np.arange(num_classes), true[..., 0])
    return np.broadcast_to(np.where(there, 0.0, np.nan), (10, 101, num_classes)).copy()


def _quiet(*_: object) -> None:
    """Print nothing."""
