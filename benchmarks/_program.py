"""The whole program as one side of a race: `train` as the command line starts it, with a callback that counts steps."""

import sys
from typing import Any

from _turn import Turn, cuda_synchronize
from fastai.callback.core import Callback

from auto_train.cli import main
from auto_train.training.learner import Learner


class Steps(Callback):
    """Tell the turn of every step, after everything else that happens in it."""

    order, run_valid = 1000, False

    def __init__(self, turn: Turn):
        self.turn = turn

    def after_batch(self) -> None:
        self.turn.step()

    def after_train(self) -> None:
        self.turn.pause()


def count_steps() -> None:
    """Let every training of this process take its turns."""
    fit_stages = Learner.fit_stages

    def in_turns(learn: Learner, *args: Any, **kwargs: Any) -> None:
        precision = learn.precision
        turn = Turn(cuda_synchronize, half=precision.amp is not None, channels_last=precision.channels_last)
        learn.add_cb(Steps(turn))
        fit_stages(learn, *args, **kwargs)

    Learner.fit_stages = in_turns


if __name__ == "__main__":
    count_steps()
    main(["train", *sys.argv[1:]])
