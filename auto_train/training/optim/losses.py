"""Losses by name (F3.23). All are called ``loss_fn(pred, target)`` and give the mean over the batch."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from auto_train.errors import UsageError, did_you_mean
from auto_train.training.optim.label_losses import AsymmetricLoss

ARGS, KWARGS = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
LossFn = Callable[[Any, Any], torch.Tensor]


class UnknownLossError(UsageError, NotImplementedError):
    """A loss of a name that is not known."""


class L2MAELoss(nn.Module):
    """Mean Euclidean distance of the vectors in the last dimension: forces, positions."""

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (pred - target).norm(dim=-1).mean()


class RMSELoss(nn.Module):
    """Root of the mean squared error."""

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(pred, target).sqrt()


class FocalLoss(nn.Module):
    """Cross-entropy in which what is classified well already counts less.

    Args:
        alpha: factor of the whole.
        gamma: how much less; 0 is cross-entropy.

    Source: Lin et al. 2017, Focal Loss for Dense Object Detection, equation 5.
    """

    def __init__(self, alpha: float = 1.0, gamma: float = 2.0):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take logits (N, C) and class numbers (N,)."""
        entropy = F.cross_entropy(pred, target, reduction="none")
        return (self.alpha * (1 - (-entropy).exp()) ** self.gamma * entropy).mean()


class ComboLoss(nn.Module):
    """Weighted sum of losses, each on its own entry of predictions and targets.

    Args:
        losses: by the name of the entry.
        weights: by the same names.
    """

    def __init__(self, losses: Mapping[str, nn.Module], weights: Mapping[str, float]):
        super().__init__()
        self.losses, self.weights = nn.ModuleDict(losses), dict(weights)

    def forward(self, pred: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor]) -> torch.Tensor:
        parts = [self.weights[name] * loss(pred[name], target[name]) for name, loss in self.losses.items()]
        return torch.stack(parts).sum()


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "l1": nn.L1Loss,
    "mae": nn.L1Loss,
    "mse": nn.MSELoss,
    "rmse": RMSELoss,
    "l2mae": L2MAELoss,
    "bce": nn.BCELoss,
    "ce": nn.CrossEntropyLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "focal": FocalLoss,
    "focal_loss": FocalLoss,
    "asymmetric": AsymmetricLoss,
}
COMBO = "comboloss"


def build_loss(loss: str | Mapping[str, str], params: Mapping[str, Any] | None = None) -> LossFn | dict[str, LossFn]:
    """Return the loss of ``optim.loss`` and ``optim.loss_params``.

    Args:
        loss: a name; ``comboloss``, whose parts stand in the parameters; or names by key, which gives a dict of losses.
        params: arguments of the loss; of ``comboloss``: ``{key: [name, weight]}``; of a dict: arguments by its keys.

    Raises:
        UnknownLossError: no loss has this name.
        UsageError: the parameters do not fit.
    """
    params = params or {}
    if isinstance(loss, Mapping):
        _check_keys(params, loss)
        return {key: _single(name, params.get(key), f"optim.loss.{key}") for key, name in loss.items()}
    if str(loss).lower() == COMBO:
        return _combo(params)
    return _single(loss, params, "optim.loss")


def _single(name: Any, params: Mapping[str, Any] | None, where: str) -> nn.Module:
    make = LOSSES.get(str(name).lower())
    if make is None:
        raise UnknownLossError(
            f"'{name}' is no loss",
            where=where,
            allowed=did_you_mean(str(name), [*LOSSES, COMBO], limit=len(LOSSES) + 1),
        )
    try:
        return make(**(params or {}))
    except TypeError as error:
        parameters = inspect.signature(make).parameters.values()
        taken = [parameter.name for parameter in parameters if parameter.kind not in (ARGS, KWARGS)]
        allowed = ", ".join(taken) or f"'{name}' takes none"
        raise UsageError(f"{error}", where="optim.loss_params", allowed=allowed) from error


def _combo(params: Mapping[str, Any]) -> ComboLoss:
    hint = "write loss_params: {energy: [mse, 1.0], force: [l2mae, 10.0]}"
    if not params:
        raise UsageError("'comboloss' needs parts", where="optim.loss_params", hint=hint)
    losses, weights = {}, {}
    for key, part in params.items():
        name, weight = part if isinstance(part, list | tuple) and len(part) == 2 else (part, 1.0)
        if not isinstance(name, str) or not isinstance(weight, int | float):
            raise UsageError(
                f"'{part}' is no part", where=f"optim.loss_params.{key}", allowed="[loss, weight]", hint=hint
            )
        losses[key], weights[key] = _single(name, None, f"optim.loss_params.{key}"), float(weight)
    return ComboLoss(losses, weights)


def _check_keys(params: Mapping[str, Any], loss: Mapping[str, str]) -> None:
    if not loss:
        raise UsageError("a dict of losses needs at least one", where="optim.loss", allowed="{key: name}")
    for key in params:
        if key not in loss:
            raise UsageError(
                f"there is no loss '{key}'", where="optim.loss_params", allowed=did_you_mean(key, list(loss))
            )
