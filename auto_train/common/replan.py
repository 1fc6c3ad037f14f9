"""What changed keys make of a checkpoint: the place in the epoch, the schedule, the optimizer's settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from auto_train.common.resume import Resume
from auto_train.config import Config
from auto_train.runs.changes import flat
from auto_train.training.fastai_core import Callback
from auto_train.training.learner import Learner
from auto_train.training.loaders import length
from auto_train.training.optim.replay import RATES, put_back, replay, settings_of
from auto_train.training.optim.schedule import Schedule, tell_epochs
from auto_train.training.optim.stages import Stage
from auto_train.training.precision import Precision

LENGTHS = {"training.scheme.epochs", "training.scheme.freeze_epochs", "training.minutes"}
BATCHES = {"training.scheme.batch_size", "training.scheme.accumulate"}
PRECISION = {"training.scheme.amp", "training.scheme.channels_last"}
# Schedules that do not look at the length of their stage.
OPEN_ENDED = ("plateau", "constant")


class ReplannedSchedule:
    """A schedule that begins in the middle of its stage, with other settings than the checkpoint has.

    Args:
        schedule: as the config has it now.
        epochs_done: of the stage.
        keeps_rates: nothing has changed that the schedule depends on: it takes its state from the checkpoint, and only
            the optimizer's other settings are new.
    """

    def __init__(self, schedule: Schedule, epochs_done: int, *, keeps_rates: bool):
        self.schedule, self.epochs_done, self.keeps_rates = schedule, epochs_done, keeps_rates

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        self.optimizer, self.epochs, self.steps = optimizer, epochs, steps
        self.schedule.begin(optimizer, epochs=epochs, steps=steps)
        self.planned = settings_of(optimizer)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        # By now the optimizer has all settings of the checkpoint.
        put_back(self.optimizer, self.planned, leave_out=RATES if self.keeps_rates else ())
        if self.keeps_rates:
            self.schedule.load_state_dict(state)
        else:
            replay(self.schedule, self.epochs_done, epochs=self.epochs, steps=self.steps)

    def set_epochs(self, epochs: int) -> None:
        tell_epochs(self.schedule, epochs)

    def before_step(self, fraction: float, step: int) -> None:
        self.schedule.before_step(fraction, step)

    def after_epoch(self, error: float | None) -> None:
        self.schedule.after_epoch(error)

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()


class FirstStep(Callback):
    """Call a function with the learner once the first training step is done."""

    order, run_valid = 95, False

    def __init__(self, function: Callable[[Learner], None]):
        self.function: Callable[[Learner], None] | None = function

    def after_batch(self) -> None:
        if self.function:
            function, self.function = self.function, None
            function(self.learn)


def replans(resume: Resume) -> bool:
    """Tell whether a change moves the learning rates that are still to come."""
    keys = {change.key for change in resume.changes if change.effect == "re-plans"}
    is_open = resume.config.training.scheme.scheduler in OPEN_ENDED
    return bool(keys - LENGTHS if is_open else keys)


def replan(resume: Resume, learn: Learner, stages: Sequence[Stage]) -> tuple[list[Stage], Mapping[str, Any]]:
    """Return stages and checkpoint for ``learn.fit_stages``, as the changes of the config make them.

    Args:
        learn: with the loaders and settings of the config as it is now.
        stages: the same.
    """
    assert resume.state is not None
    stages = list(stages)
    if not resume.changes:
        return stages, resume.state
    runner = dict(resume.state["runner"])
    state = {**resume.state, "runner": runner}
    if resume.keys & BATCHES:
        state["loader"] = _move_batches(runner, state["loader"], learn)
    if resume.keys & PRECISION:
        state["scaler"] = learn.scaler.state_dict()
    if resume.keys & {*LENGTHS, "training.scheme.early_stop"}:
        _reopen(state, runner)
    stage = stages[runner["stage"]]
    schedule = ReplannedSchedule(stage.schedule, runner["stage_epoch"], keeps_rates=not replans(resume))
    stages[runner["stage"]] = replace(stage, schedule=schedule)
    return stages, state


def plan_of(config: Config, learn: Learner, rate: float) -> dict[str, Any]:
    """Return what the training has decided, for its checkpoints.

    Args:
        rate: the learning rate, found or stated.
    """
    return {"config": flat(config), "learning_rate": rate, "precision": _describe_precision(learn)}


def keep_precision(resume: Resume, learn: Learner) -> None:
    """Compute as the run did so far, not as another timing on the same kind of device would have it."""
    planned = resume.state["plan"].get("precision") if resume.state else None
    if not planned or resume.keys & PRECISION or planned["device"] != learn.device.type:
        return
    amp = getattr(torch, planned["amp"]) if planned["amp"] else None
    learn.set_precision(Precision(amp=amp, channels_last=planned["channels_last"]))


def _describe_precision(learn: Learner) -> dict[str, Any]:
    amp = str(learn.precision.amp).removeprefix("torch.") if learn.precision.amp else None
    return {"amp": amp, "channels_last": learn.precision.channels_last, "device": learn.device.type}


def _move_batches(runner: dict[str, Any], loader: Mapping[str, Any], learn: Learner) -> dict[str, Any]:
    """Find the place in the epoch in batches of another size: at the beginning of a step, no image left out."""
    size = getattr(learn.dls.train, "bs", None)
    if loader["bs"] and size:
        runner["iter"] = runner["iter"] * loader["bs"] // size
    runner["iter"] -= runner["iter"] % learn.accumulate
    if batches := length(learn.dls.train):
        steps = -(-batches // learn.accumulate)
        runner["stage_steps"] = runner["stage_epoch"] * steps + runner["iter"] // learn.accumulate
    return {**loader, "bs": size, "accumulate": learn.accumulate}


def _reopen(state: dict[str, Any], runner: dict[str, Any]) -> None:
    """Let a stage that was ended early go on: whoever changes its length wants that."""
    if runner["is_stage_over"] and "early_stop" in state:
        runner["is_stage_over"], state["early_stop"] = False, {**state["early_stop"], "count": 0}
    runner["end_reason"] = None
