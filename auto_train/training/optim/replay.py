"""A schedule that begins in the middle of its stage, with a length or settings that the checkpoint does not know."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from auto_train.training.optim.schedule import Schedule

# What schedules move, and what torch's take for the rate they began with.
RATES = ("lr", "initial_lr")


def settings_of(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Return the settings of each group."""
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def put_back(
    optimizer: torch.optim.Optimizer, settings: Sequence[Mapping[str, Any]], *, leave_out: Collection[str] = ()
) -> None:
    """Give each group its settings again, after those of a checkpoint were loaded."""
    for group, planned in zip(optimizer.param_groups, settings, strict=True):
        group.update({name: value for name, value in planned.items() if name not in leave_out})


def replay(schedule: Schedule, epochs_done: int, *, epochs: int, steps: int | None) -> None:
    """Bring a schedule that has just begun, with its optimizer's first rates, to where it is after some epochs.

    Args:
        epochs: of its stage.
        steps: optimizer steps of an epoch.
    """
    with warnings.catch_warnings():
        # torch warns of a scheduler that moves before its optimizer has
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*before.*optimizer.step")
        for epoch in range(1, epochs_done + 1):
            schedule.before_step(min(epoch / max(epochs, 1), 1.0), epoch * (steps or 1) - 1)
            schedule.after_epoch(None)
