"""EpochLog: one line per epoch in metrics.jsonl, and progress for whoever listens."""

import time

from fastai.callback.core import Callback

from auto_train.training.run_folder import RunFolder
from auto_train.types import Listener, Progress

# Seconds between two progress events inside an epoch.
PROGRESS_INTERVAL_S = 0.2


class EpochLog(Callback):
    """Write one line per epoch to metrics.jsonl and tell the listener."""

    order, run_valid = 70, False

    def __init__(self, run: RunFolder, total_epochs: int, listener: Listener | None):
        self.run_folder, self.total_epochs, self.listener = run, total_epochs, listener
        self.last_told = 0.0

    def before_epoch(self) -> None:
        self.started = time.perf_counter()

    def after_batch(self) -> None:
        if self.listener and time.perf_counter() - self.last_told > PROGRESS_INTERVAL_S:
            self.last_told = time.perf_counter()
            done = self.learn.epochs_done + (self.learn.iter + 1) / self.learn.n_iter
            self.listener(Progress(stage="train", done=done, total=self.total_epochs))

    def after_train(self) -> None:
        self.train_seconds = time.perf_counter() - self.started

    def after_epoch(self) -> None:
        learn = self.learn
        metrics = {f"train/{name}": value for name, value in learn.train_means.items()}
        metrics |= {f"valid/{name}": value for name, value in learn.valid_means.items()}
        images_per_s = min(learn.dls.train.n, len(learn.dls.train) * learn.dls.train.bs) / max(self.train_seconds, 1e-9)
        row = {
            "epoch": learn.epochs_done,
            "stage": learn.stage.name if learn.stage else None,
            "lr": learn.opt.hypers[-1]["lr"],
            "seconds": round(time.perf_counter() - self.started, 3),
            "images_per_s": round(images_per_s, 1),
        }
        self.run_folder.append("metrics.jsonl", row | metrics)
        if self.listener:
            self.listener(
                Progress(stage="train", done=learn.epochs_done, total=self.total_epochs, metrics=metrics,
                         message=f"{row['stage']}, {images_per_s:,.0f} images/s")
            )  # fmt: skip
