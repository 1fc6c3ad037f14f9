"""The whole program: as one side of a race, its steps counted by a callback, or in this process and observed."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from _turn import LINK, Turn, cuda_synchronize
from fastai.callback.core import Callback

from auto_train.cli import main
from auto_train.training.learner import Learner

Prepare = Callable[[Learner], object]


class Steps(Callback):
    """Tell the turn of every step, after everything else that happens in it."""

    order, run_valid = 1000, False

    def before_fit(self) -> None:
        precision = self.learn.precision
        self.turn = Turn(cuda_synchronize, half=precision.amp is not None, channels_last=precision.channels_last)

    def after_batch(self) -> None:
        self.turn.step()

    def after_train(self) -> None:
        self.turn.pause()


def when_fitting(prepare: Prepare) -> None:
    """Let every training of this process be prepared so before its first stage."""
    fit_stages = Learner.fit_stages

    def prepared(learn: Learner, *args: Any, **kwargs: Any) -> None:
        prepare(learn)
        fit_stages(learn, *args, **kwargs)

    Learner.fit_stages = prepared


def train_here(config: Path, words: Sequence[str], prepare: Prepare) -> None:
    """Run `train` in this process, as the command line does, what it prints written where nobody reads it."""
    when_fitting(prepare)
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere), redirect_stdout(nowhere):
            main(["train", f"--config={config}", *words])
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"train ended with {end.code}; run it to see why: {' '.join(words)}") from end


if __name__ == "__main__":
    if LINK in os.environ:  # of several data-parallel workers one counts
        when_fitting(lambda learn: learn.add_cb(Steps()))
    main(["train", *sys.argv[1:]])
