"""Average precision as COCO defines it, precision and recall of found boxes, for any draws of the images."""

from collections.abc import Mapping, Sequence

import numpy as np

# IoU from which a found box is right, and recalls at which precision is taken.
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


class BoxMeasure:
    """map_50_95, map_50, map_75; precision and recall of the boxes that answers list.

    The first three are means over the classes that have a box, the other two of all boxes together. Source:
    cocodataset.org, detection evaluation, for all sizes and up to as many boxes an image as there are.

    Args:
        arrays: of K found boxes of each image, the most confident first: ``hits`` (N, K, 10) 1 for right, 0 for wrong,
            -1 for not counted, at each of IOUS; ``scores`` (N, K); ``codes`` (N, K) classes; ``is_listed`` (N, K) of 0
            and 1; and ``there`` (N, C), how many boxes of each class an image has.
        labels: the C names.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], labels: Sequence[str]):
        hits, scores, codes = arrays["hits"], arrays["scores"], arrays["codes"]
        self.there = arrays["there"].astype(float)
        self.width = max(hits.shape[1] * len(IOUS), 1)
        self.ranked = [_rank(hits, scores, codes == code) for code in range(len(labels))]
        at_least_half = np.where(arrays["is_listed"].astype(bool), hits[..., 0], -1)
        self.right, self.said = (at_least_half == 1).sum(axis=1), (at_least_half >= 0).sum(axis=1)

    def __call__(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        n = len(self.there)
        places = draws + n * np.arange(len(draws))[:, None]
        weights = np.bincount(places.ravel(), minlength=len(draws) * n).reshape(len(draws), n).astype(float)
        average = np.stack([self.curves(one).mean(axis=1) for one in weights])
        right, total = weights @ self.right, weights @ self.there.sum(axis=1)
        found = {"map_50_95": average.mean(axis=1), "map_50": average[:, 0], "map_75": average[:, 5]}
        return {
            **{name: _mean_of_known(values) for name, values in found.items()},
            "precision": right / np.maximum(weights @ self.said, 1),
            "recall": np.divide(right, total, out=np.full(len(draws), np.nan), where=total > 0),
        }

    def curves(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return (10, 101, C) precisions at each of IOUS and RECALLS; NaN for classes without boxes.

        Args:
            weights: (N,) how often each image is there; None: once.
        """
        weights = np.ones(len(self.there)) if weights is None else weights
        total = weights @ self.there
        curves = [_curve(weights, total[code], *ranked) for code, ranked in enumerate(self.ranked)]
        return np.stack(curves, axis=2) if curves else np.zeros((len(IOUS), len(RECALLS), 0))


def _rank(hits: np.ndarray, scores: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of the chosen boxes, the most confident first, (D,) the image of each and (10, D) their hits."""
    images, places = np.nonzero(chosen & (scores > 0))
    order = np.argsort(-scores[images, places], kind="stable")
    images, places = images[order], places[order]
    return images, hits[images, places].T


def _curve(weights: np.ndarray, total: float, images: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Return (10, 101) precisions of a class."""
    if not total:
        return np.full((len(IOUS), len(RECALLS)), np.nan)
    weight = weights[images]
    right = np.cumsum(weight * (hits == 1), axis=1)
    wrong = np.cumsum(weight * (hits == 0), axis=1)
    precision = right / np.maximum(right + wrong, np.spacing(1))
    # The best precision at this recall or a higher one.
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.pad(best, ((0, 0), (0, 1)))
    places = [np.searchsorted(recall, RECALLS) for recall in right / total]
    return np.take_along_axis(best, np.array(places), axis=1)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the means of the rows, less what is NaN; NaN where nothing is known."""
    is_known = ~np.isnan(values)
    count = is_known.sum(axis=1)
    total = np.where(is_known, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
