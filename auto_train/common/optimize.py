"""Optimizer and stages of an image recipe as ``[training.scheme]`` describes them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from auto_train.common.standard_args import standard_args
from auto_train.config import Config
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


def optimizer_of(config: Config) -> Callable[..., torch.optim.Optimizer]:
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
    optimizer_of(config)
    stages_of(config, rate, is_pretrained=False)


def stages_of(config: Config, rate: float, *, is_pretrained: bool) -> list[Stage]:
    """Return the training's stages: the head alone, if the backbone is pretrained, then everything.

    Args:
        rate: highest learning rate of the head.

    Raises:
        UsageError: scheduler_params that the scheduler does not take.
    """
    scheme = config.training.scheme
    freeze_epochs = int(is_pretrained) if scheme.freeze_epochs is None else scheme.freeze_epochs
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
    if name == "step" and "step_size" not in params:
        # Three steps of a tenth, as is usual.
        params["step_size"] = max(scheme.epochs // 3, 1)
    try:
        return PartSchedule(rates, scheduler=name, params=params, warmup_epochs=scheme.warmup_epochs)
    except UsageError as error:
        raise UsageError(
            error.message, where="[training.scheme.scheduler_params]", allowed=error.allowed, hint=error.hint
        ) from error
