"""Validation logic of regression: one image's answer, or a split's metrics."""

from auto_train.common.validation import evaluate_with, infer
from auto_train.regression.model import RegressionModel

__all__ = ["evaluate", "infer"]

evaluate = evaluate_with(RegressionModel)
