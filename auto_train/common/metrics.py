"""Classification metrics from probabilities, by the names of INTERFACES."""

import numpy as np
import torch

ECE_BINS = 15


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
        "loss": float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)).mean()),
    }
    if p.shape[1] > 5:
        metrics["top5_accuracy"] = float((np.argsort(-p, axis=1)[:, :5] == y[:, None]).any(axis=1).mean())
    present = [c for c in range(p.shape[1]) if 0 < (y == c).sum() < len(y)]
    if len(present) > 1:
        metrics["roc_auc"] = float(np.mean([roc_auc_score(y == c, p[:, c]) for c in present]))
    return metrics


def expected_calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins, weighted by bin size.

    Args:
        confidence: (N,) in [0, 1].
        is_right: (N,) bool.

    Source: Guo et al., On Calibration of Modern Neural Networks (2017).
    """
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
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
