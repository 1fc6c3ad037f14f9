"""Validation logic of object detection: one image's answer, or a split's metrics."""

from pathlib import Path
from typing import Any

from auto_train.common.evaluation import Metrics
from auto_train.common.validation import evaluate_trained, infer_image
from auto_train.config import Config
from auto_train.object_detection.model import ObjectDetectionModel
from auto_train.types import Listener


def infer(image: Path | str | bytes, config: Config | Path | str | None = None) -> Any:
    """Return the answer for one image: boxes in its pixels, labels, confidences; see :func:`infer_image`."""
    return infer_image(ObjectDetectionModel, image, config)


def evaluate(
    config: Config | Path | str | None = None,
    *,
    split: str = "valid",
    offline: bool = False,
    progress: Listener | None = None,
) -> Metrics:
    """Return the trained model's metrics on a split; see :func:`evaluate_trained`."""
    return evaluate_trained(ObjectDetectionModel, config, split=split, offline=offline, progress=progress)
