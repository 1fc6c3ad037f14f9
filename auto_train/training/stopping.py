"""Reasons to end a training that are no choice of the schedule: a loss that is no number, a signal."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from auto_train.errors import NotFiniteError
from auto_train.training.fastai_core import Callback, CancelFitException
from auto_train.training.workers.distributed import agree, all_reduce_max, is_main, world_size

# Seconds after which the workers learn at the latest that one of them was asked to stop, and a few batches.
POLL_S = 0.5


class StopOnNaN(Callback):
    """End training with a reason when the loss is no number; the best checkpoint stays.

    A GPU is asked every few steps only, and before the evaluation: it would have to finish each step first.
    """

    order, run_valid = -5, False
    every = 20

    def before_train(self) -> None:
        self.is_finite: torch.Tensor | None = None

    def after_loss(self) -> None:
        loss = self.learn.loss
        if loss.device.type == "cpu":
            if not math.isfinite(loss.item()):
                self._end()
            return
        finite = torch.isfinite(loss)
        self.is_finite = finite if self.is_finite is None else self.is_finite & finite
        if (self.learn.iter + 1) % self.every == 0:
            self.after_train()

    def after_train(self) -> None:
        if self.is_finite is not None and not self.is_finite:
            self._end()

    def _end(self) -> None:
        place = f"epoch {self.learn.epochs_done + 1}, step {self.learn.iter + 1}"
        raise NotFiniteError(
            f"the loss became {self.learn.loss.item()} in {place}",
            hint="lower the learning rate, clip the gradient (clip_grad = 1.0), or compute without amp",
        )


class StopOnRequest(Callback):
    """End the training between two steps once a signal asked for it; several workers at the same step."""

    order = 90

    def __init__(self) -> None:
        self.requested, self.poll = threading.Event(), Poll()

    def after_batch(self) -> None:
        if not self.learn.is_between_steps:
            return
        if world_size() == 1:
            self._end_if(self.requested.is_set())
        elif self.learn.training:  # evaluation may have more batches on one worker than on another
            self._end_if(self.poll.is_set_on_any(self.requested.is_set()))

    def after_epoch(self) -> None:
        if world_size() > 1:
            self._end_if(agree(self.requested.is_set()))

    def _end_if(self, is_requested: bool) -> None:
        if is_requested:
            self.learn.end("interrupt")
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


class Poll:
    """Ask all workers for a flag, seldom enough to cost nothing: at common batches, about every half second."""

    def __init__(self) -> None:
        self.every = self.left = 1
        self.asked_at = time.monotonic()

    def is_set_on_any(self, flag: bool) -> bool:
        """Call this after each batch, on every worker."""
        self.left -= 1
        if self.left:
            return False
        now = time.monotonic()
        fitting = int(self.every * POLL_S / max(now - self.asked_at, 1e-6))
        # The first worker's clock decides for all when they meet again.
        found, self.every = all_reduce_max(flag, max(1, min(fitting, 2 * self.every)) if is_main() else 0)
        self.left, self.asked_at = self.every, now
        return bool(found)
