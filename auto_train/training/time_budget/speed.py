"""Speed: seconds of a batch and of an evaluation, measured in the running stage or tried for those to come."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from auto_train.training.time_budget.batch_timer import BatchTimer
from auto_train.training.time_budget.eta import EVALUATION
from auto_train.training.time_budget.trial import StepCosts, time_steps
from auto_train.training.workers.distributed import on_main

if TYPE_CHECKING:
    from auto_train.training.learner import Learner


class Speed:
    """What is known of how fast a training is.

    Args:
        clock: seconds since any moment.

    Attributes:
        timer: of the training batches.
        is_frozen: the timer's seconds are of a stage with the backbone frozen.
        costs: of steps that were tried; None: none were.
        evaluation_batches: of an epoch.
        measured_rest_s: seconds of an epoch besides its training batches; None: none is over.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock, self.timer = clock, BatchTimer(clock)
        self.is_frozen = False
        self.costs: StepCosts | None = None
        self.evaluation_batches = 0
        self.measured_rest_s: float | None = None

    def begin_batch(self, learn: "Learner", *, trial_s: float) -> None:
        """Before a batch: the first one of a frozen stage is tried unfrozen too, where a stage to come is that."""
        assert learn.stage is not None
        if self.costs is None and learn.stage.frozen:
            later = learn.stages[learn.stage_index + 1 :]
            if any(stage.epochs and not stage.frozen for stage in later):
                self.costs = on_main(lambda: time_steps(learn, clock=self.clock, at_most_s=trial_s))
                self.timer.begin()
        self.timer.begin_batch()

    def measure(self, learn: "Learner") -> None:
        """Take the seconds of a batch from the pass so far."""
        self.timer.measure()
        if self.timer.seen and learn.stage:
            self.is_frozen = learn.stage.frozen

    def batch_s(self, *, is_frozen: bool) -> float:
        """Return the seconds of a batch of a frozen stage or of one that trains everything.

        What the loader takes stays the same; what is computed is the trial's, whose least times leave out what the
        beginning of a training or a busy moment adds.
        """
        timer, costs = self.timer, self.costs
        if costs is None or is_frozen == self.is_frozen:
            return timer.batch_s
        computed_s = costs.frozen_s if is_frozen else costs.unfrozen_s
        return timer.batch_s * (1 - timer.computing) + computed_s

    def rest_s(self) -> float:
        """Return the seconds of an epoch besides its training batches, guessed before the first one is over."""
        if self.measured_rest_s is not None:
            return self.measured_rest_s
        return self.evaluation_batches * (self.costs.evaluation_s if self.costs else EVALUATION * self.timer.batch_s)
