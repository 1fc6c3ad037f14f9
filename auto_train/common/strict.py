"""``[training] reproducible = strict``: the same weights bit for bit, also after a stop and a resume."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from auto_train.config import Config
from auto_train.errors import UsageError

if TYPE_CHECKING:
    from auto_train.common.task import Task

WHERE = "[training] reproducible"


@contextmanager
def make_deterministic(is_strict: bool) -> Iterator[None]:
    """Let torch use deterministic algorithms only while the block runs; an operation that has none raises."""
    if not is_strict:
        yield
        return
    was, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    # Source: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # it chooses by timing
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was, warn_only=warned)
        torch.backends.cudnn.benchmark = benchmark


def check_strict(config: Config, task: "Task") -> None:
    """Pass if the promise can be kept.

    Raises:
        UsageError: what it depends on is not ours to repeat.
    """
    if config.training.reproducible != "strict":
        return
    if task.user_dls:
        raise UsageError(
            "'strict' cannot be kept with DataLoaders of a load_function: they draw order and augmentation themselves",
            where=WHERE,
            allowed="seeded, with these DataLoaders",
            hint="or let the load_function return auto_train.data.Samples; see docs/recipes.md, load_function",
        )
