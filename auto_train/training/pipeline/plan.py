"""The stages of a training as its arguments describe them (F3.20 to F3.22, F3.24)."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from auto_train.errors import UsageError
from auto_train.training.optim.replay import RATES, put_back, replay, settings_of
from auto_train.training.optim.schedule import Constant, Schedule
from auto_train.training.optim.stages import Stage
from auto_train.training.optim.torch_schedule import TorchSchedule
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.stage_args import stage_epochs
from auto_train.training.pipeline.step_mode import Intervals, StepPlan

# (arguments, model) → (optimizer, scheduler)
PrepareOptim = Callable[[qDict, nn.Module], tuple[torch.optim.Optimizer, Any]]
# A stage that has one of these gets an optimizer and a schedule of its own; another goes on with those before it.
OPTIM_KEYS = ("optimizer", "optimizer_params", "groups", "scheduler", "scheduler_params", "warmup_params")


class StageOptim:
    """The optimizer and the schedule of a stage, made when it begins; stages after it may go on with both.

    It is a Schedule itself and hands on to the one that was made.

    Args:
        prepare: makes both for a model.
        epochs: of all stages that go on with them.
        intervals: the loader of step mode, whose passes are the epochs of a scheduler that counts epochs.
        per_pass: optimizer steps of such a pass.
        ready: both, if they are made already.
    """

    def __init__(
        self,
        prepare: Callable[[nn.Module], tuple[torch.optim.Optimizer, Any]],
        epochs: int,
        *,
        intervals: Intervals | None = None,
        per_pass: int | None = None,
        ready: tuple[torch.optim.Optimizer, Any] | None = None,
    ):
        self.prepare, self.epochs, self.intervals, self.per_pass = prepare, epochs, intervals, per_pass
        self.ready = ready
        self.optimizer: torch.optim.Optimizer | None = None
        self.schedule: Schedule = Constant()
        # steps before the running stage; the last step; passes that are known to be over; epochs the schedule knows of
        self.offset, self.step, self.told, self.ended = 0, -1, 0, 0

    def make(self, model: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer."""
        (optimizer, scheduler), self.ready = self.ready or self.prepare(model), None
        self.schedule = as_schedule(scheduler)
        return optimizer

    def begin(self, optimizer: torch.optim.Optimizer, *, epochs: int, steps: int | None) -> None:
        if optimizer is self.optimizer:
            self.offset = self.step + 1
            return
        self.optimizer, self.offset, self.step, self.ended = optimizer, 0, -1, 0
        if self.intervals is not None:
            self.told, steps = self.intervals.passes, self.per_pass
        self.steps = steps
        self.schedule.begin(optimizer, epochs=self.epochs, steps=steps)
        self.planned = settings_of(optimizer)

    def before_step(self, fraction: float, step: int) -> None:
        if self.intervals is not None and not self._follows_error:
            while self.told < self.intervals.passes - 1:
                self._end_epoch(None)
                self.told += 1
        self.step = self.offset + step
        self.schedule.before_step(fraction, self.step)

    def after_epoch(self, error: float | None) -> None:
        if self.intervals is None or self._follows_error:
            self._end_epoch(error)

    def _end_epoch(self, error: float | None) -> None:
        self.schedule.after_epoch(error)
        self.ended += 1

    @property
    def _follows_error(self) -> bool:
        return getattr(self.schedule, "follows_error", True)

    def state_dict(self) -> dict[str, Any]:
        place = {"offset": self.offset, "step": self.step, "told": self.told, "ended": self.ended}
        return {"schedule": self.schedule.state_dict(), "epochs": self.epochs, **place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.offset, self.step, self.told, self.ended = (state[key] for key in ("offset", "step", "told", "ended"))
        # One of torch would take its old length from the checkpoint, and with it the way down.
        if state["epochs"] == self.epochs or not isinstance(self.schedule, TorchSchedule) or self._follows_error:
            self.schedule.load_state_dict(state["schedule"])
            return
        assert self.optimizer is not None
        put_back(self.optimizer, [{key: group[key] for key in RATES if key in group} for group in self.planned])
        # without a length: as many steps as the epochs so far had
        steps = self.steps or max((self.step + 1) // max(self.ended, 1), 1)
        replay(self.schedule, self.ended, epochs=self.epochs, steps=steps)


def as_schedule(scheduler: Any) -> Schedule:
    """Return what a Learner's stage takes for what prepare_optim gave: a Schedule, a scheduler of torch, or nothing.

    Raises:
        UsageError: it is something else.
    """
    if scheduler is None:
        return Constant()
    if isinstance(scheduler, LRScheduler):
        return TorchSchedule(lambda optimizer: scheduler)
    if not callable(getattr(scheduler, "before_step", None)):
        raise UsageError(
            f"prepare_optim returned a scheduler of type {type(scheduler).__name__}",
            allowed="a Schedule (training/optim/schedule.py), a scheduler of torch, None",
        )
    made: Schedule = scheduler
    return made


def plan_stages(
    args: qDict,
    prepare: PrepareOptim,
    *,
    first: tuple[torch.optim.Optimizer, Any] | None = None,
    plan: StepPlan | None = None,
    intervals: Intervals | None = None,
) -> list[Stage]:
    """Return the stages of ``optim.stages``, or the one stage of a training without them.

    Args:
        args: checked and complete.
        prepare: makes optimizer and scheduler of a stage.
        first: those of the first stage, if they are made already.
        plan: of step mode.
        intervals: of step mode; its sizes are set.
    """
    given: Sequence[Mapping[str, Any]] = args.optim.get("stages") or [{}]
    lengths = evaluated = stage_epochs(given, _epochs(args, plan))
    if plan is not None and intervals is not None:
        _check_countable(args, plan)
        parts = [plan.intervals(steps) for steps in plan.stage_steps(lengths)]
        intervals.sizes = [size for part in parts for size in part]
        evaluated = [len(part) for part in parts]
    stages: list[Stage] = []
    for number, own in enumerate(given):
        is_new = not stages or _has_optim(own)
        if is_new:
            epochs = sum(lengths[number : _find_next_new(given, number)])
            bound = partial(prepare, stage_arguments(args, own))
            per_pass = plan.per_pass if plan else None
            ready = None if stages else first
            optim = StageOptim(bound, epochs, intervals=intervals, per_pass=per_pass, ready=ready)
        stages.append(
            Stage(
                name=own.get("name") or f"stage {number}",
                epochs=evaluated[number],
                schedule=optim,
                optimizer=optim.make,
                keeps_optimizer=not is_new,
                settings=own,
            )
        )
    return stages


def _has_optim(own: Mapping[str, Any]) -> bool:
    return any(key in own for key in OPTIM_KEYS)


def _find_next_new(given: Sequence[Mapping[str, Any]], number: int) -> int:
    """Return the first stage after this one that has an optimizer of its own."""
    later = range(number + 1, len(given))
    return next((other for other in later if _has_optim(given[other])), len(given))


def _check_countable(args: qDict, plan: StepPlan) -> None:
    """Pass if cosine knows its length."""
    optim = args.optim
    if plan.passes is None and optim.scheduler == "cosine" and "T_max" not in (optim.scheduler_params or {}):
        raise UsageError(
            "the training loader has no length, so that cosine does not know its own",
            where="optim.scheduler_params.T_max",
            hint="give it, in passes over the data",
        )


def _epochs(args: qDict, plan: StepPlan | None) -> int | None:
    """Return the epochs of the training as far as they are known; a loader without a length counts as one pass."""
    if plan:
        return plan.passes or 1
    epochs = args.runner.get("max_epochs")
    return None if epochs is None else int(epochs)


def stage_arguments(args: qDict, own: Mapping[str, Any]) -> qDict:
    """Return the arguments with what a stage says in their ``optim``.

    Parameters are taken over one by one while the optimizer or scheduler stays the same; another one has its own
    alone, and the rate.
    """
    result = copy.deepcopy(args)
    optim = result.optim
    for name, params in (("optimizer", "optimizer_params"), ("scheduler", "scheduler_params")):
        before = dict(optim.get(params) or {})
        if name in own and own[name] != optim.get(name):
            before = {"lr": before["lr"]} if "lr" in before else {}
        if name in own or params in own:
            optim[params] = {**before, **(own.get(params) or {})}
    optim.update({key: own[key] for key in ("optimizer", "groups", "scheduler", "warmup_params") if key in own})
    return result
