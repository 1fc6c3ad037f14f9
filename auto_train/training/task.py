"""qTaskBase: what a task tells the Learner. The hooks' order is in Learner._do_one_batch (F3.10, F3.11)."""

from typing import Any

import torch
from torch import nn

from auto_train.errors import TaskContractError

# name → (value, number of samples it is the mean of)
Counted = dict[str, tuple[torch.Tensor | float, int]]
REQUIRED = ("batch_forward", "batch_metric", "batch_loss", "post_metric_to_err")


class qTaskBase:  # noqa: N801 - the name is contract F3.10
    """Glue between data and model. Derive, call ``super().__init__()``, set the loaders, define the four methods."""

    train_loader: Any = None
    val_loader: Any = None
    test_loader: Any = None

    def __init__(self) -> None:
        missing = [name for name in REQUIRED if getattr(type(self), name) is getattr(qTaskBase, name)]
        if missing:
            raise TaskContractError(
                f"{type(self).__name__} does not define {', '.join(missing)}", hint="see docs/recipes.md, Task"
            )

    def pre_batch_forward(self, batch: Any) -> None:
        """Change the batch in place before the model sees it."""

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        """Run the model; the returned dict is passed to the hooks below."""
        raise NotImplementedError

    def post_batch_forward(self, out: dict[str, Any], batch: Any) -> None:
        """Change the outputs in place before metrics and loss."""

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return the batch's metrics with their sample counts."""
        raise NotImplementedError

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return the losses; the entry 'loss' is what is differentiated."""
        raise NotImplementedError

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: dict[str, Any]
    ) -> Counted:
        """Return further metrics of the batch; keep in ``epoch_cache`` what epoch_metric needs."""
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        """Return metrics of a whole pass, which cannot be averaged over batches."""
        return {}

    def predict(self, item: Any) -> tuple[Any, ...]:
        """Return (answer, decoded tensor, probabilities) of one item, for ``Learner.predict``; optional."""
        raise NotImplementedError(f"{type(self).__name__} defines no predict()")

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        """Return one number, lower is better, by which the best epoch is chosen."""
        raise NotImplementedError


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
    assert isinstance(loss, torch.Tensor)
    return loss
