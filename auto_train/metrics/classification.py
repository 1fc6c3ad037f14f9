"""Classification metrics from probabilities, by the names of INTERFACES."""

from collections.abc import Sequence

import numpy as np
import torch

from auto_train.metrics.intervals import ECE_BINS, bins_of

# A probability of 0 in float32 is a small one that was rounded.
MIN_PROBABILITY = 1e-12


def classification_metrics(probabilities: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Return accuracy, top5_accuracy, f1/precision/recall_macro, roc_auc, ece and loss.

    Args:
        probabilities: (N, C), rows add up to 1.
        targets: (N,) class numbers.

    ``roc_auc`` is the mean of one class against the rest over the classes that occur, and is left out where fewer than
    two do; ``top5_accuracy``, in which a tie is no hit, is left out for five classes or less.
    """
    from sklearn.metrics import precision_recall_fscore_support

    p, y = probabilities.numpy(), targets.numpy()
    predicted, own = p.argmax(axis=1), p[np.arange(len(y)), y]
    precision, recall, f1, _ = precision_recall_fscore_support(y, predicted, average="macro", zero_division=0)
    metrics = {
        "accuracy": float((predicted == y).mean()),
        "f1_macro": float(f1),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "ece": expected_calibration_error(p.max(axis=1).astype(float), predicted == y),
        "loss": float(_losses(own).mean()),
    }
    if p.shape[1] > 5:
        metrics["top5_accuracy"] = float((_ranks(p, own) <= 5).mean())
    counts = np.bincount(y, minlength=p.shape[1])
    present = np.flatnonzero((counts > 0) & (counts < len(y)))
    if len(present) > 1:
        metrics["roc_auc"] = float(np.mean([_area(p[:, c], y == c) for c in present]))
    return metrics


def _losses(own: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(own.astype(float), MIN_PROBABILITY))


def _ranks(p: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the place of each row's own class among all, 1 for the most probable one; behind those as probable.

    So a model that gives all classes the same probability has no hit. What is not a number is last too.
    """
    return p.shape[1] - (p < own[:, None]).sum(axis=1)


def _area(score: np.ndarray, is_class: np.ndarray) -> float:
    """Return the area under the ROC curve from the ranks of the scores, many times faster than from the curve."""
    from scipy.stats import rankdata

    found = int(is_class.sum())
    return (rankdata(score)[is_class].sum() - found * (found + 1) / 2) / (found * (len(score) - found))


def classification_rows(
    outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor, labels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return what a report shall know of each image.

    Args:
        outputs: (N, C) logits; their softmax is what the model would answer without a temperature.
        answers: (N, C) probabilities.
        targets: (N,) class numbers.
        labels: the C class names.

    Returns:
        By column, (N,): label, predicted, confidence, uncalibrated (confidence), score (1 right, 0 wrong), loss, rank
        (of the label among the answers, from 1); and log_probabilities (N, C) float16, exact where probabilities near 0
        and 1 would be rounded to them.
    """
    p, y = answers.numpy(), targets.numpy()
    said, own, names = p.argmax(axis=1), p[np.arange(len(y)), y], np.array(labels, dtype=object)
    return {
        "label": names[y],
        "predicted": names[said],
        "confidence": p.max(axis=1),
        "uncalibrated": outputs.softmax(dim=1).amax(dim=1).numpy(),
        "score": (said == y).astype(int),
        "loss": _losses(own),
        "rank": _ranks(p, own),
        "log_probabilities": np.log(np.maximum(p, MIN_PROBABILITY)).astype(np.float16),
    }


def expected_calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins, weighted by bin size.

    Args:
        confidence: (N,) in [0, 1].
        is_right: (N,) bool.

    Source: Guo et al., On Calibration of Modern Neural Networks (2017).
    """
    bins = bins_of(confidence)
    gaps = [abs(confidence[bins == b].sum() - is_right[bins == b].sum()) for b in range(ECE_BINS)]
    return float(sum(gaps) / len(confidence))


def fit_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """Return the temperature that minimises the loss of softmax(logits / temperature).

    Args:
        logits: (N, C).
        targets: (N,) class numbers.

    Source: Guo et al. (2017).
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / np.exp(log_temperature), targets))

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
