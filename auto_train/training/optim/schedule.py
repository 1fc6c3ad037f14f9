"""How learning rate and momentum move during a stage. torch's own schedulers come in through torch_schedule.py."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch

# Source: fastai's fine_tune, whose one-cycle shape OneCycle keeps. In plain numbers: fastai's own functions cost a
# small network a twentieth of its step.
MOMENTUMS = (0.95, 0.85, 0.95)
DIV_FINAL = 1e5


class Schedule(Protocol):
    """Set the hyper-parameters of one stage's optimizer.

    One that counts epochs has ``set_epochs(epochs)`` too: the running stage gets another number of them.
    """

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        """Take the optimizer, before the first step.

        Args:
            epochs: of the stage.
            steps: optimizer steps per epoch, None where it is not known.
        """

    def before_step(self, fraction: float, step: int) -> None:
        """Set what holds for the next batch.

        Args:
            fraction: of the stage done, 0 to 1.
            step: optimizer steps done in the stage.
        """

    def after_epoch(self, error: float | None) -> None:
        """Take the monitored value of an epoch, None where there was no evaluation."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


def tell_epochs(schedule: Schedule, epochs: int) -> None:
    """Give the running stage another number of epochs; schedules that look at the fraction alone need not know."""
    if set_epochs := getattr(schedule, "set_epochs", None):
        set_epochs(epochs)


class Stateless:
    """What a Schedule is that depends on the place in the stage alone."""

    optimizer: torch.optim.Optimizer

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        self.optimizer = optimizer

    def before_step(self, fraction: float, step: int) -> None:
        pass

    def after_epoch(self, error: float | None) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Constant(Stateless):
    """The optimizer's own rates, all the time."""


class OneCycle(Stateless):
    """fastai's one cycle: up and down again along cosines, the momentum the other way round.

    Args:
        rates: highest rate of each part of the model, the head last; or one for all.
        pct_start: share of the stage in which the rate rises.
        div: the rate starts at its maximum divided by this.
    """

    def __init__(self, rates: Sequence[float], *, pct_start: float = 0.3, div: float = 25.0):
        self.rates, self.pct_start, self.div = list(rates), pct_start, div

    def at(self, fraction: float, start: float, middle: float, end: float) -> float:
        """Return the value at a place in the stage of what goes from start to middle to end."""
        if fraction < self.pct_start:
            return _cosine(fraction / self.pct_start, start, middle)
        return _cosine(min((fraction - self.pct_start) / (1 - self.pct_start), 1.0), middle, end)

    def rates_at(self, fraction: float) -> list[float]:
        """Return the rate of each part at a place in the stage."""
        return [self.at(fraction, rate / self.div, rate, rate / DIV_FINAL) for rate in self.rates]

    def before_step(self, fraction: float, step: int) -> None:
        rates, momentum = self.rates_at(fraction), self.at(fraction, *MOMENTUMS)
        for group in self.optimizer.param_groups:
            group["lr"] = rates[group.get("part", 0) if len(rates) > 1 else 0]
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            elif group.get("momentum"):
                group["momentum"] = momentum


def _cosine(position: float, start: float, end: float) -> float:
    return start + (1 - math.cos(math.pi * position)) * (end - start) / 2
