"""EarlyStop: end a training that no longer improves (F3.15)."""

import math

from fastai.callback.core import Callback, CancelFitException

from auto_train.errors import UsageError


class EarlyStop(Callback):
    """End a stage after ``patience`` epochs whose error is not below its best by more than ``min_delta`` (F3.15).

    The next stage starts afresh: a head that learns no more on a frozen body is where the body's training begins.
    """

    order, run_valid = 85, False

    def __init__(self, patience: int, min_delta: float = 0.0):
        if patience < 1 or min_delta < 0:
            raise UsageError(f"early stop needs patience >= 1 and min_delta >= 0, got {patience} and {min_delta}")
        self.patience, self.min_delta = patience, min_delta
        self.reference, self.count = math.inf, 0

    def before_fit(self) -> None:
        self.reference, self.count = math.inf, 0

    def after_epoch(self) -> None:
        if self.is_over(self.learn.task.post_metric_to_err(self.learn.valid_means)):
            raise CancelFitException

    def is_over(self, error: float) -> bool:
        """Take one epoch's error and tell whether training should stop."""
        if math.isnan(error):
            return False
        if error < self.reference - self.min_delta:
            self.reference, self.count = error, 0
        else:
            self.count += 1
        return self.count >= self.patience
