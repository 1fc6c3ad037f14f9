"""Validation logic of segmentation: one image's answer, or a split's metrics."""

from auto_train.common.validation import evaluate_with, infer
from auto_train.segmentation.model import SegmentationModel

__all__ = ["evaluate", "infer"]

evaluate = evaluate_with(SegmentationModel)
