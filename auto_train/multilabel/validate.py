"""Validation logic of multilabel: one image's answer, or a split's metrics."""

from auto_train.common.validation import evaluate_with, infer
from auto_train.multilabel.model import MultilabelModel

__all__ = ["evaluate", "infer"]

evaluate = evaluate_with(MultilabelModel)
