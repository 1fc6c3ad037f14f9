"""Validation logic of object detection: one image's answer, or a split's metrics."""

from auto_train.common.validation import evaluate_with, infer
from auto_train.object_detection.model import ObjectDetectionModel

__all__ = ["evaluate", "infer"]

evaluate = evaluate_with(ObjectDetectionModel)
