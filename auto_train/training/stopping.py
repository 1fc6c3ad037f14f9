"""Reasons to end a training that are no choice of the schedule: a loss that is no number, a signal."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from fastai.callback.core import Callback, CancelFitException

from auto_train.errors import NotFiniteError


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
            hint="lower [training.scheme] learning_rate, set clip_grad = 1.0, or set amp = false",
        )


class StopOnRequest(Callback):
    """End the training between two steps once a signal asked for it."""

    order = 90

    def __init__(self) -> None:
        self.requested = threading.Event()

    def after_batch(self) -> None:
        if self.requested.is_set() and self.learn.is_between_steps:
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
