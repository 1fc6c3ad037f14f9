"""EpochLog: one line per epoch in metrics.jsonl, and progress for whoever listens.

The keys of a line, which loggers and progress events have too:

======================================= ==================================================================
``epoch``                               number of the epoch, counted from 1 over all stages
``stage``                               name of its stage: ``frozen``, ``unfrozen``, ``all``
``lr``                                  learning rate of the head at its end
``seconds``                             its wall time, evaluation included
``images_per_s``                        speed of its training pass
``memory_mb``                           main memory of the process at its end
``device_memory_mb``                    most memory its tensors have had on the GPU; only where there is one
``train/…`` ``valid/…`` ``test/…``      averages of its passes, by metric; ``…/loss`` among them
``ema_valid/…`` ``ema_test/…``          the same with the moving average of the weights, where one is kept
======================================= ==================================================================

The last line of a finished training is no epoch's: it has ``final`` and the metrics of the finished model.
"""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

from auto_train.files import write_atomically
from auto_train.runs.folder import RunFolder
from auto_train.runs.read import METRICS
from auto_train.training.fastai_core import Callback
from auto_train.training.loggers.feed import Feed
from auto_train.training.time_budget.eta import Eta, count_epochs_left
from auto_train.training.workers.distributed import world_size
from auto_train.types import Listener, Progress

# Seconds between two progress events inside an epoch.
PROGRESS_INTERVAL_S = 0.2


class EpochLog(Callback):
    """Write one line per epoch to metrics.jsonl, hand it to the loggers, and tell the listener how far it is.

    Args:
        run: folder of the file.
        listener: told five times a second.
        feed: the loggers, started.
    """

    order = 70

    def __init__(self, run: RunFolder, listener: Listener | None = None, feed: Feed | None = None):
        self.run_folder, self.listener, self.feed = run, listener, feed
        self.process, self.pace = psutil.Process(), Eta()
        self.told = 0.0
        self.images_per_s: float | None = None

    def before_epoch(self) -> None:
        self.pace.begin_epoch()
        self.began, self.images_per_s = time.perf_counter(), None

    def before_train(self) -> None:
        self.pass_began, self.counted_before = time.perf_counter(), self._count_images()

    def after_batch(self) -> None:
        self.pace.count(self.learn)
        now = time.perf_counter()
        if self.listener and self.learn.stage and now - self.told > PROGRESS_INTERVAL_S:
            self.told = now
            self._tell(self.learn.epochs_done + self.pace.fraction(self.learn), self._row_so_far())

    def after_train(self) -> None:
        self.images_per_s = self._speed()

    def after_epoch(self) -> None:
        row = self._row(self.learn.epochs_done) | _by_pass(self.learn.means)
        self.run_folder.append(METRICS, row)
        if self.feed:
            self.feed.log(row, self.learn.epochs_done)
        if self.listener:
            self._tell(self.learn.epochs_done, row, epoch_ended=True)

    def _tell(self, done: float, row: Mapping[str, Any], *, epoch_ended: bool = False) -> None:
        assert self.listener
        total = self.learn.epochs_done + sum(count_epochs_left(self.learn))
        eta_s = self.pace.eta_s(self.learn, done)
        self.listener(Progress(stage="train", done=done, total=total, eta_s=eta_s, row=row, epoch_ended=epoch_ended))

    def _row_so_far(self) -> dict[str, Any]:
        return self._row(self.learn.epochs_done + 1) | _by_pass({"train": self.learn.train_averages.means()})

    def _row(self, epoch: int) -> dict[str, Any]:
        learn = self.learn
        row = {
            "epoch": epoch,
            "stage": learn.stage.name if learn.stage else None,
            "lr": learn.opt.hypers[-1]["lr"],
            "seconds": round(time.perf_counter() - self.began, 3),
            "images_per_s": round(self.images_per_s or self._speed(), 1),
            "memory_mb": round(self.process.memory_info().rss / 1e6, 1),
        }
        if learn.device.type == "cuda":
            row["device_memory_mb"] = round(torch.cuda.max_memory_allocated(learn.device) / 1e6, 1)
        return row

    def _count_images(self) -> int:
        """Return the images of this training pass: those the loss was averaged over."""
        counts: dict[str, int] = self.learn.train_averages.counts
        return counts.get("loss", 0)

    def _speed(self) -> float:
        images = (self._count_images() - self.counted_before) * world_size()
        return images / max(time.perf_counter() - self.pass_began, 1e-9)


def _by_pass(means: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{split}/{name}": value for split, values in means.items() for name, value in values.items()}


def truncate_after(path: Path, epoch: int) -> None:
    """Make metrics.jsonl what it was after an epoch, for a training that goes on from there.

    Rows of later epochs, the final one and a last line that a crash has torn are dropped. The rest stays as it is.

    Args:
        path: of the file; nothing happens where there is none.
        epoch: the last one to keep, 0 for none.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    if not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    # A whole object is no torn line, even if its line end did not get onto the disk.
    kept = [line.rstrip() + b"\n" for line in lines if _epoch_of(line) <= epoch]
    if kept != lines:
        write_atomically(path, b"".join(kept))


def _epoch_of(line: bytes) -> float:
    """Return the epoch of a line, infinity where it has none."""
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return math.inf
