"""Weights & Biases: the account, server and mode of its own WANDB_* variables; files in <run>/wandb."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import wandb

from auto_train.training.loggers.base import Logger, Status

# Seconds for what is still to be uploaded; the files stay for `wandb sync`.
FINISH_TIMEOUT_S = 60


class WandB:
    next_step = "run `wandb login` once, or set WANDB_MODE=offline and `wandb sync` the run later"

    def __init__(self, *, offline: bool = False):
        self.mode: Literal["offline"] | None = "offline" if offline else None  # None: as WANDB_MODE says

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        # Crash reports to its makers are for the user to switch on.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        # Silent before it looks for an account: it would ask for one in the middle of the progress bar.
        wandb.setup(wandb.Settings(silent=True))
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", name),
            name=run.name,
            id=run.name,
            resume="allow",
            dir=run,
            mode=self.mode,
            config=dict(config),
            settings=wandb.Settings(console="off", finish_timeout=FINISH_TIMEOUT_S),
        )
        return self.run.url or str(run / "wandb")

    def log(self, row: Mapping[str, float], step: int) -> None:
        self.run.log(dict(row), step=step)

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        self.run.summary.update({f"final/{key}": value for key, value in metrics.items()})
        self.run.finish(exit_code=0 if status == "done" else 1)


def make(*, offline: bool = False) -> Logger:
    return WandB(offline=offline)
