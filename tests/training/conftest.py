"""The smallest thing the Learner trains: two classes of points, a body with batch norm, a linear head."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from auto_train.runs.folder import RunFolder
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage
from auto_train.training.task import Counted, qTaskBase

Batch = tuple[torch.Tensor, torch.Tensor]


class Batches:
    """Batches in a list, as a dataloader.

    Attributes:
        epoch: set by the Learner before each training pass.
        epochs: the values it was set to when a pass began.
    """

    def __init__(self, points: torch.Tensor, targets: torch.Tensor, batch_size: int):
        self.batches = list(zip(points.split(batch_size), targets.split(batch_size), strict=True))
        self.n, self.bs, self.epoch = len(points), batch_size, 0
        self.epochs: list[int] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        self.epochs.append(self.epoch)
        return iter(self.batches)

    def one_batch(self) -> Batch:
        return self.batches[0]


class Points(qTaskBase):
    """Cross-entropy on points.

    Args:
        errors: what each epoch's error is said to be, in turn; none: the validation loss.
    """

    eval_needs_loss = True

    def __init__(self, errors: Sequence[float] = ()):
        super().__init__()
        self.errors = iter(errors)
        self.calls: list[str] = []

    def pre_batch_forward(self, batch: Any) -> None:
        self.calls.append("pre_batch_forward")

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        self.calls.append("batch_forward")
        return {"pred": model(batch[0])}

    def post_batch_forward(self, out: dict[str, Any], batch: Any) -> None:
        self.calls.append("post_batch_forward")

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        self.calls.append("batch_metric")
        return {"accuracy": ((out["pred"].argmax(1) == batch[1]).float().mean(), len(batch[1]))}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        self.calls.append("batch_loss")
        return {"loss": (nn.functional.cross_entropy(out["pred"].float(), batch[1]), len(batch[1]))}

    def extra_batch_metrics(self, out: Any, batch: Any, losses: Counted, model: Any, epoch_cache: Any) -> Counted:
        self.calls.append("extra_batch_metrics")
        epoch_cache["seen"] = epoch_cache.get("seen", 0) + len(batch[1])
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        return {"seen": float(epoch_cache.get("seen", 0))}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        return next(self.errors, result["loss"])

    def predict(self, item: Any) -> tuple[Any, ...]:
        return ("answer", item)


def points(n: int = 24, seed: int = 0) -> Batch:
    targets = torch.arange(n) % 2
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return noise + targets[:, None] * 2.0, targets


def network(*, has_batch_norm: bool = True, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8) if has_batch_norm else nn.Identity(), nn.ReLU())
    return nn.Sequential(body, nn.Sequential(nn.Linear(8, 2)))


@pytest.fixture
def make_learner() -> Callable[..., Any]:
    """Return a function that builds a Learner; every step is a plain step down the gradient where ``sgd`` is set."""
    from fastai.data.core import DataLoaders

    from auto_train.models.backbone import default_split
    from auto_train.training.learner import Learner

    def make(
        *, batch_size: int = 8, n: int = 24, sgd: bool = False, task: Points | None = None, **options: Any
    ) -> Learner:
        model = network(has_batch_norm=options.pop("has_batch_norm", True))
        dls = DataLoaders(Batches(*points(n), batch_size), Batches(*points(16, 1), 8), device=torch.device("cpu"))
        if sgd:
            options["optimizer"] = torch.optim.SGD
        task = task or Points()
        return Learner(dls, model, task=task, loss_func=nn.CrossEntropyLoss(), splitter=default_split, **options)

    return make


def stage(epochs: int, rate: float = 0.01) -> Stage:
    return Stage(name="all", epochs=epochs, schedule=OneCycle([rate]))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path)
