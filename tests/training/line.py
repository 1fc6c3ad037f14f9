"""A task a user may write by hand: points on a line, learnt by one weight and one bias."""

import copy
import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from auto_train.training import QPipeline, qDict, qTaskBase

POINTS = 32


def data(n: int = POINTS) -> TensorDataset:
    x = torch.linspace(-1, 1, n)[:, None]
    return TensorDataset(x, 3 * x - 1)


class Line(qTaskBase):
    """Learn y = 3x - 1 from batches of 8, shuffled; 4 batches make an epoch.

    Args:
        errors: what each evaluation's error is said to be, in turn; none: the mean absolute error.
        shuffle: the training batches.
    """

    def __init__(self, errors: Sequence[float] = (), *, shuffle: bool = True):
        super().__init__()
        self.errors = iter(errors)
        self.calls: list[Any] = []
        self.train_loader: Any = DataLoader(data(), batch_size=8, shuffle=shuffle)
        self.val_loader: Any = DataLoader(data(), batch_size=16)

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        return {"pred": model(batch[0])}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> dict[str, Any]:
        return {"mae": ((out["pred"] - batch[1]).abs().mean(), len(batch[0]))}

    def batch_loss(self, out: dict[str, Any], batch: Any, loss_fn: Any = None) -> dict[str, Any]:
        return {"loss": (loss_fn(out["pred"], batch[1]), len(batch[0]))}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        return next(self.errors, result["mae"])


class Rates(Line):
    """Remember the learning rate of every training batch."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.rates: list[float] = []

    def onTrainBatchEnd(self, batch_idx: int, num_batches: int, metrics: Any, averages: Any, lr: float) -> None:
        self.rates.append(round(lr, 6))


class Interrupts(Line):
    """Send the process a signal in the middle of an epoch."""

    def onTrainBatchEnd(self, *args: Any) -> None:
        self.calls.append(1)
        if len(self.calls) == 6:
            os.kill(os.getpid(), signal.SIGTERM)


class Stream:
    """Batches of which nobody knows how many there are."""

    def __init__(self, batches: int = 4, size: int = 8):
        self.batches, self.size = batches, size

    def __iter__(self) -> Iterator[list[torch.Tensor]]:
        yield from DataLoader(data(self.batches * self.size), batch_size=self.size)


def arguments(folder: Path, **values: Any) -> qDict:
    """Return arguments of a training with plain gradient descent; ``section__key=value`` sets a key."""
    args = qDict(
        {
            "seed": 1,
            "log_dir": str(folder / "logs"),
            "optim": {"loss": "mse", "optimizer": "sgd", "optimizer_params": {"lr": 0.1}},
            "runner": {"max_epochs": 3},
        }
    )
    for name, value in values.items():
        *path, last = name.split("__")
        inner: Any = args
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = value
    return copy.deepcopy(args)


def line_model() -> nn.Linear:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 0.5)
    nn.init.constant_(model.bias, 0.5)
    return model


def pipeline(folder: Path, task: qTaskBase | None = None, model: nn.Module | None = None, **values: Any) -> QPipeline:
    return QPipeline(arguments(folder, **values), task=task or Line(), model=model or line_model())


def checkpoint(folder: Path, name: str = "last") -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / f"logs/checkpoints/{name}.ckpt", weights_only=True)
    return state


def weights(model: nn.Module) -> list[float]:
    return [float(value) for parameter in model.parameters() for value in parameter.detach().flatten()]


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs/metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def last(folder: Path) -> str:
    return str(folder / "logs/checkpoints/last.ckpt")
