"""fastai callbacks of every training: the log of epochs, checkpoints, early stop, stop requests, NaN."""

import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from fastai.callback.core import Callback, CancelFitException
from torch import nn

from auto_train.errors import TrainingError, UsageError
from auto_train.training.run_folder import RunFolder, replacing
from auto_train.types import Listener, Progress

# Seconds between two progress events inside an epoch.
PROGRESS_INTERVAL_S = 0.2
CHECKPOINT_FORMAT = 1


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
        learn.epochs_done += 1
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


class Checkpointer(Callback):
    """Save ``last.ckpt`` after every epoch, ``best.ckpt`` whenever the validation error improved strictly (F3.14)."""

    order, run_valid = 80, False

    def __init__(self, folder: Path):
        self.folder, self.best_error, self.best_epoch = folder, math.inf, 0

    def after_epoch(self) -> None:
        _require_finite(self.learn.model)
        error = self.learn.task.post_metric_to_err(self.learn.valid_means)
        # NaN compares false: never better. The first epoch always counts, and any number is better than its NaN.
        is_better = error < self.best_error or not self.best_epoch
        if is_better:
            self.best_error, self.best_epoch = math.inf if math.isnan(error) else error, self.learn.epochs_done
        self.save()
        if is_better:
            # A link costs nothing, and stays when the next epoch's last.ckpt takes the name.
            link = self.folder / ".best.ckpt"
            link.unlink(missing_ok=True)
            try:
                os.link(self.folder / "last.ckpt", link)
            except OSError:  # a file system without hard links
                shutil.copyfile(self.folder / "last.ckpt", link)
            os.replace(link, self.folder / "best.ckpt")

    def save(self) -> None:
        """Write ``last.ckpt``, loadable with ``weights_only=True``."""
        learn = self.learn
        stage = learn.stage.name if learn.stage else None
        state = {
            "format": CHECKPOINT_FORMAT,
            "model": learn.model.state_dict(),
            "optimizer": learn.opt.state_dict(),
            "scaler": learn.scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "progress": {"epochs_done": learn.epochs_done, "stage": stage, "step": learn.train_iter},
            "best": {"error": float(self.best_error), "epoch": self.best_epoch},
            "metrics": dict(getattr(learn, "valid_means", {})),
        }
        with replacing(self.folder / "last.ckpt") as part:
            torch.save(state, part)

    def load_best(self) -> None:
        """Put the best epoch's weights into the model."""
        if self.best_epoch:
            state = torch.load(self.folder / "best.ckpt", map_location="cpu", weights_only=True)
            self.learn.model.load_state_dict(state["model"])


def _require_finite(model: nn.Module) -> None:
    """Pass if every weight is a number; a loss can look well while one of them is not used yet."""
    bad = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if bad:
        raise TrainingError(
            f"{len(bad)} of the model's weights became NaN or infinite, {bad[0]} among them",
            hint="lower [training.scheme] learning_rate, set clip_grad = 1.0, or set amp = false",
        )


class EarlyStop(Callback):
    """End a stage after ``patience`` epochs whose error is not below its best by more than ``min_delta`` (F3.15).

    The next stage starts afresh: a head that learns no more on a frozen body is where the body's training begins.
    """

    order, run_valid = 85, False

    def __init__(self, patience: int, min_delta: float = 0.0):
        if patience < 1 or min_delta < 0:
            raise UsageError(f"early stop needs patience >= 1 and min_delta >= 0, got {patience} and {min_delta}")
        self.patience, self.min_delta = patience, min_delta
        self.reference, self.count = math.inf, 0

    def before_fit(self) -> None:
        self.reference, self.count = math.inf, 0

    def after_epoch(self) -> None:
        if self.is_over(self.learn.task.post_metric_to_err(self.learn.valid_means)):
            raise CancelFitException

    def is_over(self, error: float) -> bool:
        """Take one epoch's error and tell whether training should stop."""
        if math.isnan(error):
            return False
        if error < self.reference - self.min_delta:
            self.reference, self.count = error, 0
        else:
            self.count += 1
        return self.count >= self.patience


class StopOnNaN(Callback):
    """End training with a reason when the loss is no number; the best checkpoint stays."""

    order, run_valid = -5, False

    def after_loss(self) -> None:
        if not torch.isfinite(self.learn.loss):
            place = f"epoch {self.learn.epochs_done + 1}, step {self.learn.iter + 1}"
            raise TrainingError(
                f"the loss became {self.learn.loss.item()} in {place}",
                hint="lower [training.scheme] learning_rate, set clip_grad = 1.0, or set amp = false",
            )


class StopOnRequest(Callback):
    """End the fit between two steps once a signal asked for it."""

    order = 90

    def __init__(self) -> None:
        self.requested = threading.Event()

    def before_fit(self) -> None:
        self.after_batch()

    def after_batch(self) -> None:
        if self.requested.is_set():
            raise CancelFitException

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as requests; a second one ends the process the usual way."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def request(number: int, frame: FrameType | None) -> None:
            if self.requested.is_set():
                raise KeyboardInterrupt
            self.requested.set()

        for number in previous:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
