"""Which number an epoch is judged by: the targets that early stop and the best checkpoint may name (F3.14, F3.15)."""

import math
from collections.abc import Mapping
from typing import Any

from auto_train.errors import UsageError

# target → pass whose error it is; train_loss is the mean training loss itself
TARGETS = {
    "val_metric": "valid",
    "test_metric": "test",
    "train_metric": "train",
    "ema_val_metric": "ema_valid",
    "ema_test_metric": "ema_test",
    "train_loss": "train",
}


class Errors:
    """The errors of an epoch's passes, each computed once when it is first asked for.

    Args:
        task: its post_metric_to_err makes a number of a pass's averages.
        means: averages by pass: ``train``, ``valid``, ``test``, ``ema_valid``, ``ema_test``.
    """

    def __init__(self, task: Any, means: Mapping[str, Mapping[str, float]]):
        self.task, self.means = task, means
        self.found: dict[str, float] = {}

    def of(self, target: str) -> float | None:
        """Return a target's value, None where the epoch had no such pass."""
        means = self.means.get(TARGETS[target])
        if not means:
            return None
        if target == "train_loss":
            return means.get("loss")
        if target not in self.found:
            self.found[target] = float(self.task.post_metric_to_err(dict(means)))
        return self.found[target]

    def state(self, epoch: int) -> dict[str, Any]:
        """Return what onEpochEnd hears: the epoch's number and every target that has a value."""
        values = {target: self.of(target) for target in TARGETS}
        return {"epoch": epoch} | {name: value for name, value in values.items() if value is not None}


def check_target(target: str, mode: str) -> tuple[str, str]:
    """Return both where they are known.

    Raises:
        UsageError: listing what is allowed.
    """
    if target not in TARGETS:
        raise UsageError(f"there is no target '{target}' to watch", allowed=", ".join(TARGETS))
    if mode not in ("min", "max"):
        raise UsageError(f"'{mode}' is no mode for the target {target}", allowed="min, max")
    return target, mode


def is_better(value: float, reference: float | None, *, mode: str = "min", margin: float = 0.0) -> bool:
    """Tell whether a value beats the reference by more than the margin; NaN never does, anything beats None."""
    if math.isnan(value):
        return False
    if reference is None:
        return True
    return value < reference - margin if mode == "min" else value > reference + margin
