"""A dry run: a recipe's own training on a few rows of the data, in a folder that goes away, and what it tells."""

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from auto_train.common.read_data import fetch_data, limit_samples, read_only
from auto_train.config import Config, load_config
from auto_train.data import Samples
from auto_train.errors import AutoTrainError, Interrupted, UsageError
from auto_train.types import Listener, Progress, to_absolute

if TYPE_CHECKING:
    import numpy as np

STAGES = ("prepare", "train", "evaluate", "export", "serve")
# Batches of each pass; and epochs of each stage of the training, of which the second is measured.
BATCHES, EPOCHS = 2, 2
# Stands in for a rate that the LR finder would have to find.
RATE = 1e-3
# Seconds between two looks at the memory in use.
LOOK_S = 0.01


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """What a stage took.

    Attributes:
        name: one of STAGES.
        seconds: wall time.
        peak_mb: most main memory of the process.
        device_mb: most memory of tensors on the GPU; None without one.
    """

    name: str
    seconds: float
    peak_mb: float
    device_mb: float | None = None


@dataclass(kw_only=True)
class Trial:
    """One dry run.

    Attributes:
        config: the user's, with another place, few epochs and nobody to report to.
        listener: to be given to the recipe.
        costs: of the stages that are over.
    """

    asked: Config
    config: Config
    folder: Path
    progress: Listener | None = None
    costs: list[StageCost] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stage, self._watch = "", _Watch()

    def listener(self, event: Progress) -> None:
        """Take note of the stage a training is in; a stage that is over does not come back."""
        if event.stage in STAGES and STAGES.index(event.stage) > STAGES.index(self._stage):
            self.begin(event.stage)

    def begin(self, stage: str) -> None:
        """Let a stage begin, and the one before it end."""
        self.end()
        self._stage, self._watch = stage, _Watch().start()
        if self.progress:
            self.progress(Progress(stage=stage))

    def end(self) -> None:
        """Let the running stage end."""
        if self._stage:
            self.costs.append(self._watch.stop(self._stage))
            self._stage = ""

    @cached_property
    def all_samples(self) -> Samples:
        """The rows that the real training reads."""
        return read_only(self.asked, fetch_data(self.config, offline=True))

    @cached_property
    def samples(self) -> Samples:
        """The few rows that this training has read."""
        return limit_samples(self.config, self.all_samples)

    def image(self) -> "np.ndarray":
        """Return one of the few images, (H, W, 3) uint8."""
        return self.samples.images[0]


@contextmanager
def trial(
    asked: Config, progress: Listener | None = None, *, changes: Mapping[str, Any] | None = None
) -> Iterator[Trial]:
    """Open a dry run of a config: whatever trains while the block runs sees few rows, and writes nothing that stays.

    Args:
        progress: told which stage begins.
        changes: further keys that are otherwise than in the config.

    Raises:
        UsageError: the folders of the real training cannot be written.
    """
    check_places(asked)
    with tempfile.TemporaryDirectory(prefix="auto-train-dry-run-") as name:
        file = Path(name) / "config.ini"
        file.write_text(asked.to_ini(), encoding="utf-8")
        config = load_config(file, _changes(asked, Path(name)) | dict(changes or {}))
        found = Trial(asked=asked, config=config, folder=Path(name), progress=progress)
        try:
            yield found
        except Interrupted:
            raise Interrupted("the dry run was interrupted; nothing is left of it") from None
        except AutoTrainError as error:
            error.hint = re.sub(r"(\n  then )?go on: .*", "", error.hint)  # there is no run to go on with
            raise
        finally:
            found.end()


def check_places(config: Config) -> None:
    """Pass if the folders that a training writes to can be made.

    Raises:
        UsageError: one cannot.
    """
    output = to_absolute(config.training.scheme.output_path)
    places = {
        "[project] location": to_absolute(config.project.location),
        "[training.scheme] output_path": output.parent,
    }
    for where, path in places.items():
        there = next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110 - any text passes
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise UsageError(f"'{path}' cannot be written", where=where, hint=f"correct it, or the rights of {there}")


def _changes(config: Config, folder: Path) -> dict[str, Any]:
    """Return what makes a training short and leaves the user's folders and services alone."""
    scheme = config.training.scheme
    changes = {
        "project.location": str(folder / "project"),
        "training.scheme.output_path": str(folder / "model.pth"),
        "training.minutes": "none",
        "training.limit_batches": BATCHES,
        "training.loggers": "none",
        "training.scheme.epochs": min(scheme.epochs, EPOCHS),
        "training.scheme.learning_rate": scheme.learning_rate or RATE,
    }
    if scheme.freeze_epochs is not None:
        changes["training.scheme.freeze_epochs"] = min(scheme.freeze_epochs, EPOCHS)
    return changes


class _Watch:
    """Time, and the most memory, from one moment to another."""

    def start(self) -> "_Watch":
        import torch

        self._cuda = torch.cuda if torch.cuda.is_available() else None
        if self._cuda:
            self._cuda.reset_peak_memory_stats()
        self._process, self._over, self._peak = psutil.Process(), threading.Event(), 0
        self._began = time.perf_counter()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self) -> None:
        while True:
            self._peak = max(self._peak, self._process.memory_info().rss)
            if self._over.wait(LOOK_S):
                return

    def stop(self, name: str) -> StageCost:
        seconds = time.perf_counter() - self._began
        self._over.set()
        self._thread.join()
        device = self._cuda.max_memory_allocated() / 1e6 if self._cuda else None
        return StageCost(name=name, seconds=seconds, peak_mb=self._peak / 1e6, device_mb=device)
