import math
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from auto_train.errors import TrainingError
from auto_train.runs.folder import RunFolder
from auto_train.training.checkpoints.checkpoint import Checkpointer, load_checkpoint
from auto_train.training.stopping import StopOnNaN, StopOnRequest
from tests.training.conftest import Points, stage

Make = Callable[..., Any]
NAN = math.nan


def test_nan_loss_ends_the_training_with_place_and_hint(make_learner: Make, run: RunFolder):
    learn = make_learner(batch_size=8)
    checkpoints = Checkpointer(run.checkpoints)
    callbacks = [checkpoints, StopOnNaN()]
    with learn.added_cbs(callbacks):
        learn.fit_stage(stage(1))
        learn.dls.train.batches[1][0].fill_(NAN)
        with pytest.raises(
            TrainingError, match=r"the loss became nan in epoch 2, step 2\n  lower the learning rate, "
        ) as caught:
            learn.fit_stage(stage(2))
    assert caught.value.exit_code == 4
    assert all(value.isfinite().all() for value in load_checkpoint(run.checkpoints / "best.ckpt")["model"].values())


def test_infinite_loss_ends_the_training_too(make_learner: Make):
    class Infinite(Points):
        def batch_loss(self, out, batch):
            loss, count = super().batch_loss(out, batch)["loss"]
            return {"loss": (loss * math.inf, count)}

    learn = make_learner(task=Infinite())
    with learn.added_cbs(StopOnNaN()), pytest.raises(TrainingError, match="the loss became inf in epoch 1, step 1"):
        learn.fit_stage(stage(1))


class SignalAt(Points):
    """Sends this process a signal in the n-th batch."""

    def __init__(self, number: int, batch: int):
        super().__init__()
        self.number, self.left = number, batch

    def pre_batch_forward(self, batch: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_training_after_the_step(make_learner: Make, run: RunFolder, number: int):
    stop = StopOnRequest()
    learn = make_learner(task=SignalAt(number, 7), batch_size=8)  # 3 training and 2 validation steps an epoch
    before = signal.getsignal(number)
    with learn.added_cbs(stop), stop.listening():
        learn.fit_stages([stage(5), stage(4)])
        assert stop.requested.is_set() and learn.epochs_done == 1
    assert signal.getsignal(number) is before


def test_second_signal_is_the_usual_interrupt():
    stop = StopOnRequest()
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_listening_in_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def listen() -> None:
        with StopOnRequest().listening():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]
