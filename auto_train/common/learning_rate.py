"""The learning rate of a training whose INI states none."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.config import Config
from auto_train.runs.folder import RunFolder
from auto_train.training.lr_finder import find_learning_rate
from auto_train.types import to_absolute

if TYPE_CHECKING:
    from auto_train.common.task import Task

# Above this most networks diverge; the finder suggests more only where it saw a batch or two.
MAX_RATE = {"sgd": 1.0, "adamw": 1e-2, "adam": 1e-2, "rmsprop": 1e-2}


def find_rate(task: "Task", folder: RunFolder, say: Callable[[str], None]) -> float:
    """Return the LR finder's rate, no higher than the optimizer bears, and keep its plot in the run folder."""
    most = MAX_RATE[task.config.training.scheme.optimizer]
    found = find_best_learning_rate(task)
    shutil.copy(lr_plot(task.config), folder.path)
    if found > most:
        say(f"The LR finder suggests {found:.3g}, from too little data to be believed: {most} is taken")
    return min(found, most)


def find_best_learning_rate(task: "Task") -> float:
    """Return the LR finder's rate; its plot goes to ``<project.location>/find_lr_plot.png`` (F2.9)."""
    learn = task.learn
    if task.is_pretrained:
        learn.freeze()
    return find_learning_rate(learn, lr_plot(task.config))


def lr_plot(config: Config) -> Path:
    """Return where the LR finder draws its curve."""
    return to_absolute(config.project.location) / "find_lr_plot.png"
