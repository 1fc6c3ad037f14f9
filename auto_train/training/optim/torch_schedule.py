"""torch's learning-rate schedulers as a Schedule: a linear warm-up by steps, then a change after each epoch (F3.21)."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import lr_scheduler

from auto_train.errors import UsageError, did_you_mean
from auto_train.training.optim.optimizers import UnknownNameError

Scheduler = lr_scheduler.LRScheduler
SCHEDULERS: dict[str, type[Scheduler]] = {
    "step": lr_scheduler.StepLR,
    "multi_step": lr_scheduler.MultiStepLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "plateau": lr_scheduler.ReduceLROnPlateau,
    "lambda": lr_scheduler.LambdaLR,
}
# what torch's classes take that is ours to give
OURS = ("optimizer", "last_epoch")


class TorchSchedule:
    """Raise the rate linearly, one optimizer step after the other, then let a scheduler of torch set it each epoch.

    The first step has ``warmup_factor`` times the rate, the one after the warm-up all of it. The scheduler moves after
    every epoch in which the warm-up was over, ``plateau`` by the epoch's monitored value.

    Args:
        scheduler: step, multi_step, cosine, plateau, lambda; none: the rate stays where the warm-up led it. Or a
            function from an optimizer to a scheduler made by hand.
        params: arguments of torch's class; ``T_max`` of cosine is, if left out, the epochs after the warm-up.
        warmup_steps: optimizer steps.
        warmup_epochs: the same in epochs, where ``warmup_steps`` is 0.
        warmup_factor: 0 to 1.

    Raises:
        UnknownNameError: no scheduler has this name.
        UsageError: arguments it does not take.
    """

    def __init__(
        self,
        scheduler: str | Callable[[torch.optim.Optimizer], Scheduler] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        warmup_steps: int = 0,
        warmup_epochs: float = 0.0,
        warmup_factor: float = 0.1,
    ):
        if warmup_steps < 0 or warmup_epochs < 0 or not 0 <= warmup_factor <= 1:
            raise UsageError(
                f"steps {warmup_steps}, epochs {warmup_epochs}, factor {warmup_factor}",
                where="optim.warmup_params",
                allowed="steps and epochs of 0 or more, a factor of 0 to 1",
            )
        self.name, self.params = scheduler, dict(params or {})
        self.warmup_steps, self.warmup_epochs, self.warmup_factor = warmup_steps, warmup_epochs, warmup_factor
        self.warmup = self.step = 0
        self.scheduler: Scheduler | None = None
        if isinstance(scheduler, str):
            check_scheduler(scheduler, self.params)

    @property
    def follows_error(self) -> bool:
        """Whether the rate depends on the monitored value, not on the number of epochs."""
        return isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau)

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        self.warmup = self.warmup_steps or self._steps_of(self.warmup_epochs, steps)
        self.optimizer, self.step = optimizer, 0
        if isinstance(self.name, str):
            for group in optimizer.param_groups:  # what a scheduler of the stage before took for the rate
                group.pop("initial_lr", None)
        self.warmup_in_epochs = self.warmup // steps if steps else 0
        self.scheduler = self._make_scheduler(optimizer, max(epochs - self.warmup_in_epochs, 1))
        # after torch's class, some of which change the rate when they are made
        self.rates = [group["lr"] for group in optimizer.param_groups]

    def set_epochs(self, epochs: int) -> None:
        """Let the stage have another number of epochs than begin() was told: cosine then ends with these."""
        if isinstance(self.scheduler, lr_scheduler.CosineAnnealingLR) and "T_max" not in self.params:
            # torch's formula goes on from the rate there is.
            self.scheduler.T_max = max(epochs - self.warmup_in_epochs, 1)

    def before_step(self, fraction: float, step: int) -> None:
        if step < self.warmup:
            self._set(self.warmup_factor + (1 - self.warmup_factor) * step / self.warmup)
        elif self.step < self.warmup:
            self._set(1.0)
        self.step = step

    def after_epoch(self, error: float | None) -> None:
        if self.step < self.warmup or self.scheduler is None:
            return
        if not self.follows_error:
            self.scheduler.step()
        elif error is not None:
            self.scheduler.step(error)  # type: ignore[arg-type] # typed as the other schedulers' epoch

    def state_dict(self) -> dict[str, Any]:
        scheduler = self.scheduler.state_dict() if self.scheduler else None
        return {"scheduler": scheduler, "rates": self.rates, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.scheduler and state["scheduler"]:
            self.scheduler.load_state_dict(state["scheduler"])
        self.rates, self.step = list(state["rates"]), state["step"]

    def _set(self, factor: float) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def _steps_of(self, epochs: float, steps: int | None) -> int:
        if steps is None and epochs:
            raise UsageError(
                "the training data has no length, so that epochs cannot be counted in steps",
                where="optim.warmup_params.warmup_epochs",
                hint="give warmup_steps instead",
            )
        return round(epochs * steps) if steps else 0

    def _make_scheduler(self, optimizer: torch.optim.Optimizer, epochs: int) -> Scheduler | None:
        if self.name is None:
            return None
        if not isinstance(self.name, str):
            return self.name(optimizer)
        more = {"T_max": epochs} if self.name.lower() == "cosine" else {}
        return SCHEDULERS[self.name.lower()](optimizer, **{**more, **self.params})


def build_schedule(optim_args: Mapping[str, Any]) -> TorchSchedule:
    """Return the schedule of a config's ``optim`` section.

    Args:
        optim_args: ``scheduler``, ``scheduler_params``, ``warmup_params``.

    Raises:
        UnknownNameError: no scheduler has this name.
        UsageError: arguments it does not take.
    """
    warmup = {key: value for key, value in (optim_args.get("warmup_params") or {}).items() if value is not None}
    return TorchSchedule(optim_args.get("scheduler") or None, optim_args.get("scheduler_params"), **warmup)


def check_scheduler(name: str, params: Mapping[str, Any]) -> None:
    """Try a scheduler on an optimizer of no consequence, so that mistakes show before the training."""
    make = SCHEDULERS.get(name.lower())
    if make is None:
        raise UnknownNameError(
            f"'{name}' is no scheduler", where="optim.scheduler", allowed=did_you_mean(name, list(SCHEDULERS))
        )
    if name.lower() == "lambda" and not callable(params.get("lr_lambda")):
        raise UsageError(
            f"'{params.get('lr_lambda')}' is no function",
            where="optim.scheduler_params.lr_lambda",
            hint="a function cannot be written in a file: give it in code, args.optim.scheduler_params.lr_lambda = …",
        )
    taken = [key for key in inspect.signature(make).parameters if key not in OURS]
    ours = {"T_max": 1} if name.lower() == "cosine" else {}
    try:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler: Any = make(optimizer, **{**ours, **params})
        optimizer.step()
        scheduler.step(*([0.0] if name.lower() == "plateau" else []))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"{name}: {error}", where="optim.scheduler_params", allowed=", ".join(taken)) from error
