"""Validation logic of classification: one image's answer, or a split's metrics."""

from pathlib import Path
from typing import Any

from auto_train.classification.model import ClassificationModel
from auto_train.common.evaluation import evaluate_split
from auto_train.config import Config
from auto_train.types import Listener


def infer(image: Path | str | bytes, config: Config | Path | str | None = None) -> Any:
    """Return the answer for one image: prediction, confidence "97.31%", probabilities (F2.11)."""
    return None


def evaluate(
    config: Config | Path | str | None = None,
    *,
    split: str = "valid",
    offline: bool = False,
    progress: Listener | None = None,
) -> dict[str, float]:
    """Return the trained model's metrics on a split, as ``<split>/<metric>``.

    Raises:
        DataError: the split has no images, or images of classes the model does not know.
    """
    task = ClassificationModel(config, inference_only=True, listener=progress, offline=offline)
    task.open_split(split)
    return evaluate_split(task, task.inference, split)
