"""T7: what hooks, metrics, schedule, log, progress and listeners take of a training step, resnet18 at 64 px.

The program trains as the command line starts it, with a listener of the user's own beside. After every few of its
steps the same number of bare ones is made in the same process: forward, loss, backward and optimizer step, with the
same model, optimizer, precision, loader and augmentation. So nothing differs but what is measured.
"""

import copy
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from _data import write_photos
from _measure import TRIAL, finish, verdict
from _program import train_here
from _sides import HERE, overrides, workload
from _turn import cuda_synchronize
from fastai.callback.core import Callback

from auto_train.training.learner import Learner

BAR = 0.02
PAIRS, STEPS, WARMUP = (3, 2, 2) if TRIAL else (60, 4, 10)


class Enough(BaseException):
    """All pairs are measured: the training need not go on."""


class Alternate(Callback):
    """Make as many bare steps after every few of the program's.

    Attributes:
        pairs: seconds per step of the program and of the bare loop, measured one right after the other.
    """

    order, run_valid = 1000, False

    def __init__(self) -> None:
        self.pairs: list[tuple[float, float]] = []
        self.skip, self.start = WARMUP, None

    def before_fit(self) -> None:
        # A loader of its own on the same store: the program's is in the middle of a pass.
        self.batches = endless(copy.copy(self.learn.dls.train))

    def after_train(self) -> None:
        self.start = None

    def after_batch(self) -> None:
        if self.skip:
            self.skip -= 1
        elif self.start is None:
            self.begin()
        else:
            self.steps += 1
            if self.steps == STEPS:
                self.pairs.append((self.seconds(), self.bare()))
                if len(self.pairs) == PAIRS:
                    raise Enough
                self.start, self.skip = None, 1

    def begin(self) -> None:
        cuda_synchronize()
        self.start, self.steps = time.perf_counter(), 0

    def seconds(self) -> float:
        cuda_synchronize()
        return (time.perf_counter() - self.start) / STEPS

    def bare(self) -> float:
        """Return the seconds per step of the bare loop; its first step is not counted."""
        learn = self.learn
        model, loss_func, optimizer, precision = learn.model, learn.loss_func, learn.opt.opt, learn.precision
        for i in range(STEPS + 1):
            images, targets = next(self.batches)
            with precision.autocast(images.device):
                outputs = model(images)
            optimizer.zero_grad()
            loss_func(outputs.float(), targets).backward()
            optimizer.step()
            if not i:
                self.begin()
        return self.seconds()


def endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


def main() -> None:
    alternate = Alternate()

    def prepare(learn: Learner) -> None:
        learn.add_cb(alternate)
        learn.listeners.on("onTrainBatchEnd", lambda *_: None)

    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name), workload(64)
        words = overrides(folder, write_photos(folder), work)
        with suppress(Enough):
            train_here(HERE / "_photos.ini", words, prepare)
    low, share, high = statistics.quantiles([1 - bare / program for program, bare in alternate.pairs], n=4)
    step_ms = 1000 * statistics.median(program for program, _ in alternate.pairs)
    detail = f"quartiles {low:.2%} to {high:.2%} of a step of {step_ms:.0f} ms"
    finish(verdict("T7 hooks, metrics, log, listeners, share of a step", share, BAR, at_most=True, detail=detail))


if __name__ == "__main__":
    main()
