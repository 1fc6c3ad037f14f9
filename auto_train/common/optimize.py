"""Optimizer and stages of an image recipe as ``[training.scheme]`` describes them."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from auto_train.common.standard_args import standard_args
from auto_train.config import Config
from auto_train.config.frozen_epochs import count_frozen_epochs
from auto_train.errors import UsageError
from auto_train.training.optim.optimizers import OPTIMIZERS
from auto_train.training.optim.schedule import Schedule
from auto_train.training.optim.stages import Stage, fine_tune_stages
from auto_train.training.optim.torch_schedule import TorchSchedule
from auto_train.training.pipeline.schema import validate_args

# What most people mean by these optimizers; optimizer_params may say otherwise.
DEFAULTS: dict[str, dict[str, Any]] = {
    "adamw": {"fused": True},
    "adam": {"fused": True},
    "sgd": {"fused": True, "momentum": 0.9},
    "rmsprop": {"momentum": 0.9},
}


# Tenths of the rate after each third of a stage, where a `step` scheduler does not say when.
THIRDS = 3


# Largest share of a time budget that a warm-up takes, however many epochs it should have.
MAX_WARMUP_SHARE = 1 / 3


class PartSchedule(TorchSchedule):
    """A scheduler of torch on a model whose parts have rates of their own.

    Args:
        rates_of_parts: highest rate of each part, the head last; or one for all.
        **kwargs: as TorchSchedule's.
    """

    def __init__(self, rates_of_parts: Sequence[float], **kwargs: Any):
        super().__init__(**kwargs)
        self.rates_of_parts = rates_of_parts

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.rates_of_parts[group["part"] if len(self.rates_of_parts) > 1 else 0]
        super().begin(optimizer, epochs=epochs, steps=steps)


class TimedSchedule(PartSchedule):
    """The course of cosine, or of steps after each third, by the share of a stage that is done instead of its epochs.

    For a time budget: how many epochs there will be is not known before they are over.

    Args:
        rates_of_parts: as PartSchedule's.
        course: return the factor of the rates at a share, 0 to 1, of the stage after the warm-up.
        warmup_epochs: as TorchSchedule's.
        least: rate at which the factor is 0.
    """

    def __init__(
        self,
        rates_of_parts: Sequence[float],
        *,
        course: Callable[[float], float],
        warmup_epochs: float,
        least: float = 0.0,
    ):
        super().__init__(rates_of_parts, warmup_epochs=warmup_epochs)
        self.course, self.least = course, least
        self.warm_at, self.is_warm = 0.0, False

    def before_step(self, fraction: float, step: int) -> None:
        self.step = step
        warmed = max(step / self.warmup, fraction / MAX_WARMUP_SHARE) if self.warmup and not self.is_warm else 1.0
        if warmed < 1:
            self.warm_at = fraction
            self._set(self.warmup_factor + (1 - self.warmup_factor) * warmed)
        else:
            self.is_warm = True
            factor = self.course(max(fraction - self.warm_at, 0.0) / max(1 - self.warm_at, 1e-9))
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = self.least + (rate - self.least) * factor

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"warm_at": self.warm_at, "is_warm": self.is_warm}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.warm_at, self.is_warm = state.get("warm_at", 0.0), state.get("is_warm", False)


def create_optimizer(config: Config) -> Callable[..., torch.optim.Optimizer]:
    """Return what makes the optimizer from parameter groups.

    Raises:
        UsageError: optimizer_params that it does not take.
    """
    scheme = config.training.scheme
    params = DEFAULTS[scheme.optimizer] | dict(config.get("training.scheme.optimizer_params", {}))
    params = {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
    make = partial(OPTIMIZERS[scheme.optimizer], **params)
    try:
        make([torch.zeros(1, requires_grad=True)])
    except (TypeError, ValueError, RuntimeError) as error:
        message = str(error).split("__init__() ")[-1]
        raise UsageError(f"{scheme.optimizer}: {message}", where="[training.scheme.optimizer_params]") from error
    return make


def check_optimisation(config: Config) -> None:
    """Find mistakes of optimizer and schedule before the data is read.

    Raises:
        UsageError: arguments that one of them does not take. ConfigError: the standard arguments' schema refuses it.
    """
    rate = config.training.scheme.learning_rate or 1e-3  # the LR finder's comes later
    validate_args(standard_args(config, rate=rate))
    create_optimizer(config)
    plan_stages(config, rate, is_pretrained=False)


def plan_stages(config: Config, rate: float, *, is_pretrained: bool) -> list[Stage]:
    """Return the training's stages: the head alone, if the backbone is pretrained, then everything.

    Args:
        rate: highest learning rate of the head.

    Raises:
        UsageError: scheduler_params that the scheduler does not take.
    """
    scheme = config.training.scheme
    freeze_epochs = count_frozen_epochs(scheme.freeze_epochs, is_pretrained=is_pretrained)
    stages = fine_tune_stages(
        scheme.epochs, rate, freeze_epochs=freeze_epochs, pretrained=is_pretrained, lr_mult=scheme.lr_mult
    )
    if scheme.scheduler == "one_cycle":
        return stages
    frozen, rest = stages
    rates = [rate / scheme.lr_mult, rate] if is_pretrained else [rate]
    head = Stage(name=frozen.name, epochs=frozen.epochs, frozen=True, schedule=PartSchedule([rate / 10, rate]))
    return [head, Stage(name=rest.name, epochs=rest.epochs, schedule=_schedule(config, rates))]


def _schedule(config: Config, rates: Sequence[float]) -> Schedule:
    scheme = config.training.scheme
    params = dict(config.get("training.scheme.scheduler_params", {}))
    name = None if scheme.scheduler == "constant" else scheme.scheduler
    course = _course(config, params)
    if name == "step" and "step_size" not in params:
        # Three steps of a tenth, as is usual.
        params["step_size"] = max(scheme.epochs // THIRDS, 1)
    try:
        by_epoch = PartSchedule(rates, scheduler=name, params=params, warmup_epochs=scheme.warmup_epochs)
    except UsageError as error:
        raise UsageError(
            error.message, where="[training.scheme.scheduler_params]", allowed=error.allowed, hint=error.hint
        ) from error
    if course is None:
        return by_epoch
    least = float(params.get("eta_min", 0.0))
    return TimedSchedule(rates, course=course, warmup_epochs=scheme.warmup_epochs, least=least)


def _course(config: Config, params: Mapping[str, Any]) -> Callable[[float], float] | None:
    """Return the course of the rate over a time budget, for schedulers that would need the number of epochs."""
    if config.training.minutes is None:
        return None
    match config.training.scheme.scheduler:
        case "cosine" if "T_max" not in params:
            return lambda share: (1 + math.cos(math.pi * min(share, 1.0))) / 2
        case "step" if "step_size" not in params:
            gamma = float(params.get("gamma", 0.1))
            return lambda share: gamma ** min(int(THIRDS * share), THIRDS - 1)
    return None
