"""From how many images on a label is worth saying: the threshold of each label, found on validation images."""

import numpy as np

from auto_train.metrics.measures import count_draws

# Where nothing can be found: what a probability means.
USUAL = 0.5
# Images with a label, and without it, that a threshold of its own needs; fewer are too much a matter of chance.
FEWEST = 10
# Draws of the images that the F1 of a threshold is the mean over; of many images fewer say the same.
MAX_DRAWS, FEWEST_DRAWS, MAX_ROWS_DRAWN = 100, 10, 2_000_000


def find_best_thresholds(probabilities: np.ndarray, truth: np.ndarray) -> tuple[list[float], list[int]]:
    """Return the threshold of each label that gives the best F1, and the labels whose threshold stays USUAL.

    The best is that of the mean over bootstrap draws, not of the images as they are: there it would follow the few
    images that happen to lie next to it. A label is said where its probability is not below the threshold.

    Args:
        probabilities: (N, C).
        truth: (N, C) bool.

    Returns:
        C thresholds, and the numbers of those labels that have fewer than FEWEST images, or all but so few.
    """
    n, present = len(truth), truth.sum(axis=0)
    rare = np.flatnonzero(np.minimum(present, n - present) < FEWEST)
    found = [USUAL] * truth.shape[1]
    if len(rare) < len(found):
        draws = int(np.clip(MAX_ROWS_DRAWN // n, FEWEST_DRAWS, MAX_DRAWS))
        weights = count_draws(np.random.default_rng(0).integers(0, n, (draws, n)), n)
        for label in np.setdiff1d(np.arange(len(found)), rare):
            found[label] = _find_best(probabilities[:, label], truth[:, label], weights)
    return found, rare.tolist()


def _find_best(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Return the threshold of the best mean F1, in the middle between two scores."""
    order = np.argsort(-scores, kind="stable")
    ranked, scores = weights[:, order], scores[order].astype(float)
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    hits = np.cumsum(ranked * truth[order], axis=1)
    said, present = np.cumsum(ranked, axis=1)[:, last], hits[:, -1:]
    best = last[(2 * hits[:, last] / np.maximum(said + present, 1)).mean(axis=0).argmax()]
    return float((scores[best] + (scores[best + 1] if best + 1 < len(scores) else 0)) / 2)
