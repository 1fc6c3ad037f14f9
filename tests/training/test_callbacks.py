import json
import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from auto_train.errors import TrainingError, UsageError
from auto_train.training.checkpoint import Checkpointer
from auto_train.training.early_stop import EarlyStop
from auto_train.training.epoch_log import EpochLog
from auto_train.training.learner import Stage
from auto_train.training.run_folder import RunFolder
from auto_train.training.stopping import StopOnNaN, StopOnRequest
from auto_train.types import Progress
from tests.training.conftest import Points

Make = Callable[..., Any]
NAN = math.nan


def stage(epochs: int, rate: float = 0.01) -> Stage:
    return Stage(name="all", epochs=epochs, learning_rates=[rate])


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path)


def rows(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def trained(make: Make, run: RunFolder, *cbs: Any, errors: list[float], batch_size: int = 24) -> Any:
    """Train as many epochs as there are errors, which are what each epoch's validation error is said to be."""
    learn = make(task=Points(errors), batch_size=batch_size)
    with learn.added_cbs([EpochLog(run, len(errors), None), *cbs]):
        learn.fit_stage(stage(len(errors)))
    return learn


def loaded(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


# EpochLog


def test_epoch_log_writes_a_line_per_epoch_and_tells_the_listener(make_learner: Make, run: RunFolder):
    told: list[Progress] = []
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, 3, told.append)]):
        learn.fit_stages([Stage(name="frozen", epochs=1, frozen=True, learning_rates=[0.01]), stage(2)])
    assert [(row["epoch"], row["stage"]) for row in rows(run)] == [(1, "frozen"), (2, "all"), (3, "all")]
    assert all(
        {"train/loss", "valid/loss", "train/accuracy", "lr", "images_per_s", "seconds"} <= row.keys()
        for row in rows(run)
    )
    assert learn.epochs_done == 3
    ends = [event for event in told if event.metrics]
    assert [event.done for event in ends] == [1, 2, 3] and {event.total for event in ends} == {3}
    assert ends[-1].metrics["valid/loss"] == learn.valid_means["loss"]


def test_epoch_log_writes_nan_as_null(make_learner: Make, run: RunFolder):
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, 1, None)]), torch.no_grad():
        learn.model[1][0].weight.fill_(NAN)
        with torch.enable_grad():
            learn.fit_stage(stage(1))
    assert rows(run)[0]["valid/loss"] is None


# Checkpointer


@pytest.mark.parametrize(
    ("errors", "best"),
    [
        ([3.0, 2.0, 1.0], 3),
        ([1.0, 1.0, 1.0], 1),  # equal is no improvement
        ([1.0, NAN, 0.5, NAN], 3),  # NaN is never better
        ([NAN, 2.0, 3.0], 2),  # and anything is better than NaN
        ([NAN, NAN], 1),  # the first epoch always counts
    ],
)
def test_best_checkpoint_is_of_the_epoch_that_improved_strictly(
    make_learner: Make, run: RunFolder, errors: list[float], best: int
):
    checkpoints = Checkpointer(run.checkpoints)
    trained(make_learner, run, checkpoints, errors=errors)
    assert checkpoints.best_epoch == best
    assert loaded(run.checkpoints / "best.ckpt")["progress"]["epochs_done"] == best
    assert loaded(run.checkpoints / "last.ckpt")["progress"]["epochs_done"] == len(errors)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_checkpoint_holds_what_a_resume_needs_without_pickle(make_learner: Make, run: RunFolder):
    learn = trained(make_learner, run, Checkpointer(run.checkpoints), errors=[2.0, 1.0])
    state = loaded(run.checkpoints / "last.ckpt")
    assert {"format", "model", "optimizer", "scaler", "rng", "progress", "best", "metrics"} <= state.keys()
    assert state["best"] == {"error": 1.0, "epoch": 2} and state["progress"]["stage"] == "all"
    assert all(torch.equal(value, state["model"][name]) for name, value in learn.model.state_dict().items())
    other = make_learner()
    other.create_opt()
    other.opt.load_state_dict(state["optimizer"])


def test_best_weights_are_those_of_the_best_epoch(make_learner: Make, run: RunFolder):
    checkpoints = Checkpointer(run.checkpoints)
    learn = trained(make_learner, run, checkpoints, errors=[1.0, 2.0, 3.0])
    best = loaded(run.checkpoints / "best.ckpt")["model"]
    assert not torch.equal(learn.model.state_dict()["1.0.weight"], best["1.0.weight"])
    with learn.added_cbs(checkpoints):
        checkpoints.load_best()
    assert all(torch.equal(value, best[name]) for name, value in learn.model.state_dict().items())


def test_checkpointer_without_an_epoch_has_no_best_weights(make_learner: Make, run: RunFolder):
    checkpoints = Checkpointer(run.checkpoints)
    learn = make_learner()
    with learn.added_cbs(checkpoints):
        checkpoints.load_best()
    assert not list(run.checkpoints.iterdir())


# EarlyStop


def verdicts(errors: list[float], **options: float) -> list[bool]:
    stop = EarlyStop(**options)
    return [stop.is_over(error) for error in errors]


def test_early_stop_follows_the_example_of_the_contract():
    # F3.15: 1.0, .9, .9, .9 with patience 2 stops at the 4th epoch.
    assert verdicts([1.0, 0.9, 0.9, 0.9], patience=2) == [False, False, False, True]


def test_early_stop_first_value_sets_the_reference_without_counting():
    assert verdicts([1.0, 1.0], patience=1) == [False, True]


def test_early_stop_improvement_must_exceed_min_delta():
    # 1.0 → 0.875 is exactly min_delta: not more than it. The reference stays, so 0.75 counts as improvement.
    assert verdicts([1.0, 0.875, 0.75, 0.75], patience=2, min_delta=0.125) == [False, False, False, False]
    assert verdicts([1.0, 0.875, 0.875], patience=2, min_delta=0.125) == [False, False, True]


def test_early_stop_improvement_starts_the_count_anew():
    assert verdicts([1.0, 1.1, 0.9, 1.0, 1.0], patience=2) == [False, False, False, False, True]


def test_early_stop_passes_over_nan():
    assert verdicts([1.0, NAN, NAN, NAN, 1.0], patience=1) == [False, False, False, False, True]


@pytest.mark.parametrize(("patience", "min_delta"), [(0, 0.0), (-1, 0.0), (2, -0.1)])
def test_early_stop_of_impossible_settings_is_refused(patience: int, min_delta: float):
    with pytest.raises(UsageError, match=r"early stop needs patience >= 1 and min_delta >= 0, got"):
        EarlyStop(patience, min_delta)


def test_early_stop_ends_a_stage_and_the_next_starts_afresh(make_learner: Make, run: RunFolder):
    learn = make_learner(task=Points([1.0, 0.9, 0.9, 0.9, 0.95, 0.95, 0.95]), batch_size=24)
    with learn.added_cbs([EpochLog(run, 10, None), EarlyStop(2)]):
        learn.fit_stages([stage(5), stage(5)])
    # The first stage ends after four epochs, the second after three: its own first value is its reference.
    assert learn.epochs_done == 7 and len(rows(run)) == 7


# StopOnNaN


def test_nan_loss_ends_the_training_with_place_and_hint(make_learner: Make, run: RunFolder):
    learn = make_learner(batch_size=8)
    checkpoints = Checkpointer(run.checkpoints)
    callbacks = [EpochLog(run, 3, None), checkpoints, StopOnNaN()]
    with learn.added_cbs(callbacks):
        learn.fit_stage(stage(1))
        learn.dls.train.batches[1][0].fill_(NAN)
        with pytest.raises(TrainingError, match=r"the loss became nan in epoch 2, step 2\n.*learning_rate") as caught:
            learn.fit_stage(stage(2))
    assert caught.value.exit_code == 4
    assert all(value.isfinite().all() for value in loaded(run.checkpoints / "best.ckpt")["model"].values())


def test_infinite_loss_ends_the_training_too(make_learner: Make):
    class Infinite(Points):
        def batch_loss(self, out, batch):
            loss, count = super().batch_loss(out, batch)["loss"]
            return {"loss": (loss * math.inf, count)}

    learn = make_learner(task=Infinite())
    with learn.added_cbs(StopOnNaN()), pytest.raises(TrainingError, match="the loss became inf in epoch 1, step 1"):
        learn.fit_stage(stage(1))


# StopOnRequest


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
    with learn.added_cbs([EpochLog(run, 9, None), stop]), stop.listening():
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


def test_weight_that_is_no_number_ends_the_training_before_it_is_saved(make_learner: Make, run: RunFolder):
    learn = make_learner(batch_size=24)
    with learn.added_cbs([EpochLog(run, 2, None), Checkpointer(run.checkpoints)]):
        learn.fit_stage(stage(1))
        learn.model.register_parameter("unused", torch.nn.Parameter(torch.tensor([NAN])))
        with pytest.raises(TrainingError, match=r"1 of the model's weights became NaN or infinite, unused among them"):
            learn.fit_stage(stage(1))
    assert "unused" not in loaded(run.checkpoints / "last.ckpt")["model"]
