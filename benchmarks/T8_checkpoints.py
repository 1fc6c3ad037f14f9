"""T8: what checkpoints take of an epoch, resnet18 at 64 px, batches of 64, epochs of 9,469 images (Imagenette's).

Counted are, after each epoch, the time in the callback that writes, which is all that stops the training, and what the
steps right after it take longer than the others, should something go on being written beside them. ``best.ckpt`` is
written as often as the training gets better, as for a user. The epochs that are run are shorter than 9,469 images; a
checkpoint's seconds do not depend on their length, so they are set against the steps such an epoch has. Validation,
which would make the share smaller, is left out of the epoch.
"""

import statistics
import tempfile
import time
from pathlib import Path

from _data import write_photos
from _measure import TRIAL, finish, verdict
from _program import train_here
from _sides import HERE, overrides, workload
from fastai.callback.core import Callback

from auto_train.training.checkpoints.checkpoint import Checkpointer
from auto_train.training.learner import Learner

BAR, IMAGES = 0.01, 9_469
EPOCHS = 4 if TRIAL else 12
# Steps after a checkpoint in which a write that goes on would show.
AFTER = 10


class StepTimes(Callback):
    """Note how long every step takes, by epoch."""

    order, run_valid = 1000, False

    def __init__(self) -> None:
        self.epochs: list[list[float]] = []

    def before_train(self) -> None:
        self.epochs.append([])
        self.last = time.perf_counter()

    def after_batch(self) -> None:
        now = time.perf_counter()
        self.epochs[-1].append(now - self.last)
        self.last = now


def time_events(checkpointer: Checkpointer, seconds: list[float]) -> None:
    """Note what the end of each epoch takes in the callback."""
    after_epoch = checkpointer.after_epoch

    def timed() -> None:
        start = time.perf_counter()
        after_epoch()
        seconds.append(time.perf_counter() - start)

    checkpointer.after_epoch = timed


def main() -> None:
    steps, blocked = StepTimes(), list[float]()

    def prepare(learn: Learner) -> None:
        time_events(next(cb for cb in learn.cbs if isinstance(cb, Checkpointer)), blocked)
        learn.add_cb(steps)

    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name), workload(64)
        words = overrides(folder, write_photos(folder), work, training__scheme__epochs=EPOCHS)
        train_here(HERE / "_photos.ini", words, prepare)
    step_s = statistics.median(seconds for epoch in steps.epochs for seconds in epoch)
    epoch_s = IMAGES // work["bs"] * step_s
    costs = [held + slower(epoch[:AFTER], step_s) for held, epoch in zip(blocked, steps.epochs[1:])]
    low, share, high = statistics.quantiles([cost / (cost + epoch_s) for cost in costs], n=4)
    detail = (
        f"quartiles {low:.2%} to {high:.2%}; {statistics.median(blocked):.2f} s in the callback, epoch {epoch_s:.0f} s"
    )
    finish(verdict("T8 checkpoints, share of an epoch", share, BAR, at_most=True, detail=detail))


def slower(steps: list[float], usual: float) -> float:
    """Return the seconds that these steps took beyond the usual."""
    return max(0.0, sum(steps) - len(steps) * usual)


if __name__ == "__main__":
    main()
