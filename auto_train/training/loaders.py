"""Dataloaders of any kind, as the Learner takes them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Loaders:
    """The loaders of a task that brings its own; any iterable of batches is one.

    Attributes:
        train: batches to train on.
        valid: batches to choose the best epoch by, if there are any.
        test: batches that are measured in every epoch, if there are any.
        device: where the batches go.
    """

    train: Any
    valid: Any = None
    test: Any = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    path: Path = Path()

    def __getitem__(self, number: int) -> Any:
        return (self.train, self.valid, self.test)[number]


def length(loader: Any) -> int | None:
    """Return a loader's number of batches, None where it does not know."""
    try:
        return len(loader)
    except TypeError:
        return None
