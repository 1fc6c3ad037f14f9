"""Classification metrics from probabilities, by the names of INTERFACES."""

from collections.abc import Sequence

import numpy as np
import torch

from auto_train.reports.statistics import ECE_BINS, bins_of

# A probability of 0 in float32 is a small one that was rounded.
LEAST_PROBABILITY = 1e-12


def classification_metrics(probabilities: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Return accuracy, top5_accuracy, f1/precision/recall_macro, roc_auc, ece and loss.

    Args:
        probabilities: (N, C), rows add up to 1.
        targets: (N,) class numbers.

    ``roc_auc`` is the mean of one class against the rest over the classes that occur, and is left out where fewer than
    two do; ``top5_accuracy`` is left out for five classes or less.
    """
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    p, y = probabilities.double().numpy(), targets.numpy()
    predicted = p.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(y, predicted, average="macro", zero_division=0)
    metrics = {
        "accuracy": float((predicted == y).mean()),
        "f1_macro": float(f1),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "ece": expected_calibration_error(p.max(axis=1), predicted == y),
        "loss": float(-np.log(np.maximum(p[np.arange(len(y)), y], LEAST_PROBABILITY)).mean()),
    }
    if p.shape[1] > 5:
        metrics["top5_accuracy"] = float((np.argsort(-p, axis=1)[:, :5] == y[:, None]).any(axis=1).mean())
    present = [c for c in range(p.shape[1]) if 0 < (y == c).sum() < len(y)]
    if len(present) > 1:
        metrics["roc_auc"] = float(np.mean([roc_auc_score(y == c, p[:, c]) for c in present]))
    return metrics


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
        "loss": -np.log(np.maximum(own.astype(float), LEAST_PROBABILITY)),
        "rank": 1 + (p > own[:, None]).sum(axis=1),
        "log_probabilities": np.log(np.maximum(p, LEAST_PROBABILITY)).astype(np.float16),
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
