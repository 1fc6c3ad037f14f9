"""Validation logic of classification: one image's answer, or a split's metrics."""

from auto_train.classification.model import ClassificationModel
from auto_train.common.validation import evaluate_with, infer

__all__ = ["evaluate", "infer"]

evaluate = evaluate_with(ClassificationModel)
