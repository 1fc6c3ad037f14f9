"""qTaskBase: what a task tells the Learner. The hooks' order is in Learner._do_one_batch (F3.10 to F3.12)."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from auto_train.errors import TaskContractError

# name → (value, number of samples it is the mean of)
Counted = dict[str, tuple[torch.Tensor | float, int]]
REQUIRED = ("batch_forward", "batch_metric", "batch_loss", "post_metric_to_err")


class qTaskBase:  # noqa: N801 - the name is contract F3.10
    """Glue between data and model. Derive, call ``super().__init__()``, set the loaders, define the four methods.

    These further methods are called where a task defines them; none of them is defined here:

    ======================================= ===================================================================
    ``to(device)``                          once, before the training
    ``get_loss_fn()``                       gives the loss_fn that batch_loss may take as its third argument
    ``onBatchStart(batch)``                 before pre_batch_forward
    ``extra_batch_metrics(out, batch, losses, model, epoch_cache)``  further metrics of a batch, after the step
    ``epoch_metric(epoch_cache)``           metrics of a whole pass, which cannot be averaged over batches
    ``on_better_model(runner, state)``      right after the best checkpoint was written
    ``state_dict()``, ``load_state_dict()`` the task's own part of every checkpoint
    ``pipe_middle_ware(pipe)``              when a QPipeline takes the task, before the model is made
    *an event of listeners.py*              onEpochStart, on_epoch_end, … as a method of that name
    ======================================= ===================================================================

    Attributes:
        eval_needs_grad: evaluation runs with gradients on, for losses that differentiate (forces).
        eval_needs_loss: batch_loss is called in evaluation too, and its entries join the metrics.
    """

    train_loader: Any = None
    val_loader: Any = None
    test_loader: Any = None
    eval_needs_grad = False
    eval_needs_loss = False

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

    def predict(self, item: Any) -> tuple[Any, ...]:
        """Return (answer, decoded tensor, probabilities) of one item, for ``Learner.predict``; optional."""
        raise NotImplementedError(f"{type(self).__name__} defines no predict()")


def hook(task: qTaskBase, name: str) -> Callable[..., Any] | None:
    """Return a task's optional method, None where it defines none; instances may bring their own (F3.9)."""
    found = getattr(task, name, None)
    return found if callable(found) else None


def takes_loss_fn(batch_loss: Callable[..., Any]) -> bool:
    """Tell whether a task's batch_loss has a third parameter for the loss function."""
    kinds = [parameter.kind for parameter in inspect.signature(batch_loss).parameters.values()]
    positional = [kind for kind in kinds if kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return len(positional) > 2 or inspect.Parameter.VAR_POSITIONAL in kinds


def checked_loss(task: qTaskBase, losses: Counted) -> torch.Tensor:
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
