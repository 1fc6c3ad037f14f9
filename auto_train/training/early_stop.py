"""EarlyStop: end a training that no longer improves (F3.15)."""

import math
from typing import Any

from auto_train.errors import UsageError
from auto_train.training.fastai_core import Callback
from auto_train.training.monitor import check_target, is_better


class EarlyStop(Callback):
    """End after ``patience`` epochs that do not beat the reference by more than ``min_delta``.

    The first value sets the reference and does not count. Only an improvement moves it.

    Args:
        patience: epochs.
        min_delta: least improvement.
        target: what is watched, see monitor.py.
        mode: "min" or "max".
        lower_bound: a value below it ends at once.
        upper_bound: a value above it ends at once.
        ends_stage: end the running stage only, and start afresh with the next: a head that learns no more on a frozen
            body is where the body's training begins.
    """

    # Before the checkpoint, which must know that the stage is over.
    order, run_valid, state_key = 75, False, "early_stop"

    def __init__(
        self,
        patience: int,
        min_delta: float = 0.0,
        *,
        target: str = "val_metric",
        mode: str = "min",
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        ends_stage: bool = False,
    ):
        if patience < 1 or min_delta < 0:
            raise UsageError(f"early stop needs patience >= 1 and min_delta >= 0, got {patience} and {min_delta}")
        self.target, self.mode = check_target(target, mode)
        self.patience, self.min_delta, self.ends_stage = patience, min_delta, ends_stage
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        self.reference: float | None = None
        self.count = 0

    def before_fit(self) -> None:
        if self.ends_stage:
            self.reference, self.count = None, 0

    def after_epoch(self) -> None:
        if reason := self.reason_to_end(self.learn.errors.of(self.target)):
            self.learn.end_stage() if self.ends_stage else self.learn.end("early_stop")
            self.learn.emit("onEarlyStop", reason)

    def reason_to_end(self, value: float | None) -> str | None:
        """Take one epoch's value and return why training should end, None to go on; None and NaN are passed over."""
        if value is None or math.isnan(value):
            return None
        if self.lower_bound is not None and value < self.lower_bound:
            return f"{self.target} {value:.6g} is below {self.lower_bound:g}"
        if self.upper_bound is not None and value > self.upper_bound:
            return f"{self.target} {value:.6g} is above {self.upper_bound:g}"
        if is_better(value, self.reference, mode=self.mode, margin=self.min_delta):
            self.reference, self.count = value, 0
        else:
            self.count += 1
        epochs = f"{self.patience} epochs" if self.patience > 1 else "an epoch"
        return f"{self.target} has not improved in {epochs}" if self.count >= self.patience else None

    def state_dict(self) -> dict[str, Any]:
        return {"reference": self.reference, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.reference, self.count = state["reference"], state["count"]
