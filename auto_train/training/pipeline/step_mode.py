"""Step mode: evaluations are counted in optimizer steps, not in passes over the data (F3.24).

The Learner knows epochs only. In step mode its epoch is the time between two evaluations, and Intervals, in place of
the training loader, gives it the batches of that time, out of passes over the data that begin and end where they do.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from auto_train.errors import UsageError
from auto_train.training.fastai_core import Callback
from auto_train.training.loaders import length
from auto_train.training.rng import find_generators, get_rng_state, set_rng_state


class Intervals:
    """The training loader of step mode.

    A pass over the data ends with a step of its own, even if that has fewer batches than the others.

    Args:
        loader: the task's; any iterable of batches.
        accumulate: batches of an optimizer step.
        sizes: optimizer steps of each interval.
        max_passes: end with that many passes over the data.

    Attributes:
        epoch: number of the interval, from 0; the Learner sets it.
        start: batches of it that are done; the Learner sets it.
        passes: passes over the data begun so far.
        is_over: there were no more passes.
    """

    def __init__(self, loader: Any, *, accumulate: int, sizes: Sequence[int], max_passes: int | None = None):
        self.loader, self.accumulate, self.sizes, self.max_passes = loader, accumulate, list(sizes), max_passes
        self.epoch = self.start = self.passes = 0
        self.is_over = False
        self._batches: Iterator[Any] | None = None
        self._rng: dict[str, Any] | None = None
        # batches of the pass and steps of the interval that are done or under way; first batch and size of that step
        self._taken = self._steps = self._first = self._size = 0
        self._is_resumed = False

    def __getattr__(self, name: str) -> Any:
        # what the Learner asks a loader that divides its batches among workers
        if name in ("shard", "share"):
            return getattr(self.loader, name)
        raise AttributeError(name)

    def __len__(self) -> int:
        """Return the most batches that the interval can have."""
        return self.sizes[min(self.epoch, len(self.sizes) - 1)] * self.accumulate

    def __iter__(self) -> Iterator[Any]:
        if not self.start:
            self._steps = 0
        done = self.start
        while self._steps < self.sizes[self.epoch] and (step := self._next_step()):
            self._first, self._size = done, len(step)
            done += len(step)
            yield from step[:-1]
            # Before the last one: with it the step is done, and a checkpoint may be written.
            self._steps, self._taken = self._steps + 1, self._taken + len(step)
            yield step[-1]

    def window(self, batch: int) -> tuple[int, int]:
        """Return the first batch and the number of batches of the step that a batch of the interval is of."""
        return self._first, self._size

    def _next_step(self) -> list[Any]:
        while True:
            if self._batches is None and not self._begin_pass():
                return []
            assert self._batches is not None
            if step := list(itertools.islice(self._batches, self.accumulate)):
                return step
            if not self._taken:
                raise UsageError("the training loader gives no batches", where="task.train_loader")
            self._batches = None

    def _begin_pass(self) -> bool:
        """Begin a pass over the data, or go on with that of a checkpoint; tell whether there is one."""
        if self._is_resumed:
            self._is_resumed = False
            self._batches = self._redraw()
            return True
        if self.max_passes is not None and self.passes >= self.max_passes:
            self.is_over = True
            return False
        self._set_epoch(self.passes)
        self._rng = get_rng_state(*find_generators(self.loader))
        self.passes, self._taken = self.passes + 1, 0
        self._batches = iter(self.loader)
        return True

    def _set_epoch(self, number: int) -> None:
        """Tell samplers the pass, by which those of several workers shuffle alike."""
        for name in ("sampler", "batch_sampler"):
            if set_epoch := getattr(getattr(self.loader, name, None), "set_epoch", None):
                set_epoch(number)

    def _redraw(self) -> Iterator[Any]:
        """Go on in the pass of a checkpoint: from the state that the random generators had when it began."""
        self._set_epoch(self.passes - 1)
        here = get_rng_state()
        assert self._rng is not None
        set_rng_state(self._rng, *find_generators(self.loader))
        batches = iter(self.loader)
        for _ in itertools.islice(batches, self._taken):
            pass
        # Not the loader's own generators: they are now where they were.
        set_rng_state(here)
        return batches

    def state_dict(self) -> dict[str, Any]:
        place = {"passes": self.passes, "taken": self._taken, "steps": self._steps, "rng": self._rng}
        return {**place, "is_over": self.is_over}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.passes, self._taken, self._steps, self._rng = (state[key] for key in ("passes", "taken", "steps", "rng"))
        self._is_resumed = self.passes > 0
        # More passes open what was over.
        self.is_over = state["is_over"] and self.max_passes is not None and self.passes >= self.max_passes


class EndOfPasses(Callback):
    """End the training when the loader of step mode has no more passes."""

    # with EarlyStop, before the checkpoint
    order, run_valid = 75, False

    def before_fit(self) -> None:
        # A resume: its first interval would be empty.
        self.after_epoch()

    def after_epoch(self) -> None:
        if self.learn.dls.train.is_over:
            self.learn.end("max_epochs")


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """How many steps a training in step mode takes.

    Attributes:
        per_pass: optimizer steps of a pass over the data, None where the loader has no length.
        total: of the training.
        interval: between two evaluations.
        max_passes: passes after which it ends in any case.
        limit: what ends it: ``max_steps``, or ``max_epochs`` where these are fewer.
    """

    per_pass: int | None
    total: int
    interval: int
    max_passes: int | None
    limit: str

    @classmethod
    def of(cls, runner: Mapping[str, Any], loader: Any) -> Self:
        """Return the plan of a config's ``runner`` section for a training loader.

        Raises:
            UsageError: max_steps is not given, and cannot be inferred.
        """
        batches, passes, steps = length(loader), runner.get("max_epochs"), runner.get("max_steps")
        per_pass = None if batches is None else -(-batches // int(runner.get("accum_grad") or 1))
        inferred = int(passes) * per_pass if passes and per_pass is not None else None
        if steps is None and inferred is None:
            raise UsageError(
                "the training loader has no length, so that max_epochs cannot be counted in steps",
                where="runner.max_steps",
                hint="give max_steps",
            )
        total = min(int(number) for number in (steps, inferred) if number is not None)
        return cls(
            per_pass=per_pass,
            total=total,
            interval=int(runner.get("eval_interval") or 1),
            max_passes=None if passes is None else int(passes),
            limit="max_steps" if steps is None or int(steps) == total else "max_epochs",
        )

    @property
    def passes(self) -> int | None:
        """The passes it takes, the last of them perhaps not to its end."""
        return None if self.per_pass is None else -(-self.total // max(self.per_pass, 1))

    def intervals(self, steps: int) -> list[int]:
        """Return the steps of each interval of a part of the training."""
        whole, rest = divmod(steps, self.interval)
        return [self.interval] * whole + [rest] * bool(rest)

    def stage_steps(self, epochs: Sequence[int]) -> list[int]:
        """Return the steps of stages whose lengths are given in epochs.

        Raises:
            UsageError: there are several, and the loader has no length.
        """
        if len(epochs) == 1:
            return [self.total]
        if self.per_pass is None:
            message = "the training loader has no length, and stages are as long as their epochs"
            raise UsageError(message, where="optim.stages", hint="leave optim.stages out")
        left, steps = self.total, []
        for number, count in enumerate(epochs):
            steps.append(left if number + 1 == len(epochs) else min(count * self.per_pass, left))
            left -= steps[-1]
        return steps
