"""qTaskBase: what a task tells the Learner. The hooks' order is in Learner._do_one_batch (F3.10 to F3.12)."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from loguru import logger
from torch import nn

from auto_train.config.declare import find_near_name
from auto_train.errors import TaskContractError

# name → (value, number of samples it is the mean of)
Counted = dict[str, tuple[torch.Tensor | float, int]]
# event → its other spelling as a task's method; arguments: listeners.py
EVENTS = {
    "onStageStart": "on_stage_start",
    "onEpochStart": "on_epoch_start",
    "onEvalStart": "on_eval_start",
    "onBatchStart": "on_batch_start",
    "onTrainBatchEnd": "on_train_batch_end",
    "onBatchEnd": "on_batch_end",
    "onValidationEnd": "on_validation_end",
    "onEpochEnd": "on_epoch_end",
    "onEarlyStop": "on_early_stop",
}
REQUIRED = ("batch_forward", "batch_metric", "batch_loss", "post_metric_to_err")


class qTaskBase:  # noqa: N801 - the name is contract F3.10
    """Glue between data and model. Derive, call ``super().__init__()``, set the loaders, define the four methods.

    The methods below them may be defined too; here they do nothing. The events of listeners.py call a task's method of
    their name, in either spelling: ``onEpochStart`` or ``on_epoch_start``.

    Attributes:
        eval_needs_grad: evaluation runs with gradients on, for losses that differentiate (forces).
        eval_needs_loss: batch_loss is called in evaluation too, and its entries join the metrics.
    """

    train_loader: Any = None
    val_loader: Any = None
    test_loader: Any = None
    eval_needs_grad = False
    eval_needs_loss = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            near, is_typo = find_near_name(name, HOOKS)
            if is_typo and not hasattr(qTaskBase, name) and name not in HOOKS:
                logger.warning(f"{cls.__name__}.{name} is never called: did you mean the hook '{near}'?")

    def __init__(self) -> None:
        missing = [name for name in REQUIRED if getattr(type(self), name) is getattr(qTaskBase, name)]
        if missing:
            raise TaskContractError(
                f"{type(self).__name__} does not define {', '.join(missing)}", hint="see docs/tasks.md"
            )

    def pre_batch_forward(self, batch: Any) -> Any:
        """Change the batch in place before the model sees it, or return another."""

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        """Run the model; the returned dict is passed to the hooks below."""
        raise NotImplementedError

    def post_batch_forward(self, out: dict[str, Any], batch: Any) -> Any:
        """Change the outputs in place before metrics and loss, or return others."""

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return the batch's metrics with their sample counts."""
        raise NotImplementedError

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return the losses; 'loss' is what is differentiated. A third parameter gets the loss function."""
        raise NotImplementedError

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        """Return one number, lower is better, by which the best epoch is chosen."""
        raise NotImplementedError

    # Hooks: each is called where a task defines it.

    def to(self, device: torch.device) -> Any:
        """Move what the task holds, once before the training."""

    def get_loss_fn(self) -> Any:
        """Return the loss_fn that batch_loss may take as its third argument."""

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: Any
    ) -> Any:
        """Return further metrics of a batch, after the step."""

    def epoch_metric(self, epoch_cache: Any) -> Any:
        """Return metrics of a whole pass, which cannot be averaged over batches."""

    def on_better_model(self, runner: Any, state: Any) -> Any:
        """Do something right after the best checkpoint was written."""

    def state_dict(self) -> Any:
        """Return the task's own part of every checkpoint."""

    def load_state_dict(self, state: Any) -> Any:
        """Restore the task's own part of a checkpoint."""

    def pipe_middle_ware(self, pipe: Any) -> Any:
        """Change a QPipeline that takes the task, before the model is made."""

    # Events of listeners.py, where their arguments are described; the spelling onEpochStart is called as well.

    def on_stage_start(self, stage_idx: int, stage_cfg: Any) -> Any:
        """Note that a stage of the schedule begins."""

    def on_epoch_start(self, epoch: int) -> Any:
        """Note that an epoch begins; epochs count from 1."""

    def on_eval_start(self, split: str, num_batches: int) -> Any:
        """Note that a pass over valid, test, ema_valid or ema_test begins."""

    def on_batch_start(self, batch: Any) -> Any:
        """Note that a batch begins, before pre_batch_forward."""

    def on_train_batch_end(
        self,
        batch_idx: int,
        num_batches: int,
        batch_metrics: Any,
        avgBank: Any,  # noqa: N803 - the name is contract F3.13
        lr: Any,
    ) -> Any:
        """Note that a training batch is done."""

    def on_batch_end(self, batch_idx: int, num_batches: int, batch_metrics: Any, avgBank: Any) -> Any:  # noqa: N803
        """Note that any batch is done."""

    def on_validation_end(self, epoch_state: Any, avg: Any) -> Any:
        """Note that the passes over valid and test are done."""

    def on_epoch_end(self, epoch_state: Any, avg: Any) -> Any:
        """Note that an epoch is done."""

    def on_early_stop(self, reason: str) -> Any:
        """Note that the training stops early."""

    def predict(self, item: Any) -> tuple[Any, ...]:
        """Return (answer, decoded tensor, probabilities) of one item, for ``Learner.predict``; optional."""
        raise NotImplementedError(f"{type(self).__name__} defines no predict()")


HOOKS = [name for name, value in vars(qTaskBase).items() if inspect.isfunction(value) and not name.startswith("_")]
HOOKS += EVENTS


def hook(task: qTaskBase, name: str) -> Callable[..., Any] | None:
    """Return a task's optional method, None where it defines none; instances may bring their own (F3.9)."""
    found = getattr(task, name, None)
    is_own = getattr(found, "__func__", found) is not getattr(qTaskBase, name, None)
    return found if is_own and callable(found) else None


def takes_loss_fn(batch_loss: Callable[..., Any]) -> bool:
    """Tell whether a task's batch_loss has a third parameter for the loss function."""
    kinds = [parameter.kind for parameter in inspect.signature(batch_loss).parameters.values()]
    positional = [kind for kind in kinds if kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return len(positional) > 2 or inspect.Parameter.VAR_POSITIONAL in kinds


def check_loss(task: qTaskBase, losses: Counted) -> torch.Tensor:
    """Return the tensor to differentiate.

    Raises:
        TaskContractError: batch_loss gave no 'loss'.
    """
    if "loss" not in losses:
        raise TaskContractError(
            f"{type(task).__name__}.batch_loss returned {sorted(losses)}, without 'loss'",
            hint="return {'loss': (tensor, number of samples)}",
        )
    loss = losses["loss"][0]
    if not isinstance(loss, torch.Tensor):
        raise TaskContractError(
            f"{type(task).__name__}.batch_loss returned a 'loss' of type {type(loss).__name__}",
            allowed="a tensor with a gradient",
            hint="return {'loss': (tensor, number of samples)}",
        )
    return loss
