"""The answer of a detector: the boxes it is sure enough of."""

from typing import TYPE_CHECKING

from auto_train.common.answers import Answer, Described

if TYPE_CHECKING:
    import numpy as np

# Two answers are compared by the boxes above this confidence. Where they are full, the least confident row may be
# there or not for a last digit: neither are boxes compared that are so close to it.
COMPARED, MARGIN = 0.05, 1e-3


def answer(detections: "np.ndarray", model: Described) -> Answer:
    """List the boxes above the model's threshold, the most confident first.

    Args:
        detections: (K, 6) left, top, right, bottom in pixels of the image, confidence, class code.
    """
    found = detections[detections[:, 4] > model.facts["threshold"]]
    return {
        "boxes": [[round(float(value), 2) for value in row] for row in found[:, :4]],
        "labels": [model.labels[int(code)] for code in found[:, 5]],
        "confidences": [float(value) for value in found[:, 4]],
        "model": model.name,
    }


def difference(expected: "np.ndarray", found: "np.ndarray") -> float:
    """Return how far the boxes (N, K, 6) of two answers are apart, whatever their order.

    For each box of one answer that of its class in the other is taken which is closest: in its confidence, and in its
    corners as shares of the largest coordinate. NaN where one is NaN.
    """
    import numpy as np

    if np.isnan(expected).any() or np.isnan(found).any():
        return float("nan")
    scale = max(float(expected[..., :4].max(initial=1.0)), 1.0)
    units = np.array([scale, scale, scale, scale, 1.0, 1.0])
    pairs = [(a / units, b / units) for a, b in zip(expected.astype(float), found.astype(float), strict=True)]
    return max((_apart(*pair) for a, b in pairs for pair in ((a, b), (b, a))), default=0.0)


def _apart(rows: "np.ndarray", others: "np.ndarray") -> float:
    """Return the largest distance of a row from the closest one of the others."""
    import numpy as np

    compared = rows[rows[:, 4] > max(COMPARED, float(rows[-1, 4]) + MARGIN)]
    if not len(compared):
        return 0.0
    distances = np.abs(compared[:, None, :5] - others[None, :, :5]).max(axis=2)
    distances[compared[:, None, 5] != others[None, :, 5]] = 1.0
    return float(distances.min(axis=1).max())
