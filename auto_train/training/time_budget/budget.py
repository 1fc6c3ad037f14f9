"""Budget: ends a training in time. It measures and obeys; what fits is time_plan.py's question."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from auto_train.training.fastai_core import Callback, CancelTrainException
from auto_train.training.loaders import length
from auto_train.training.optim.schedule import tell_epochs
from auto_train.training.time_budget.eta import count_epochs_left, count_evaluation_batches
from auto_train.training.time_budget.plan import Plan, Stretch, batches_left, describe, describe_change, plan_epochs
from auto_train.training.time_budget.speed import Speed
from auto_train.training.time_budget.stage_share import StageShare
from auto_train.training.workers.distributed import is_main, on_main, world_size

# Batches that give the plan, and how long they must have taken: a few milliseconds say little.
MEASURED, MEASURED_S = 16, 0.5
# Very slow ones are enough once they have taken this share of the time.
MEASURED_SHARE = 0.02
# Share of the time for what nobody has measured: the export, a machine that becomes slower.
MARGIN = 0.05
# A plan that is under way is lengthened only where it is worth it.
WORTHWHILE = 1.1
# Data-parallel workers ask the first one every so many batches whether the time is over.
ASK_EVERY = 16
# Share of the time for trying steps that are not frozen.
TRIAL_SHARE = 0.03
# Share of the time after which a stage before the last ends within its epoch: the last one must come down.
MAX_BEFORE_LAST = 0.5
# Share of the time between two sentences about changed plans: shorter epochs vary in length, and plans with them.
MIN_BETWEEN_SENTENCES = 0.05


class Budget(Callback):
    """Plan the epochs of the running stage and of those to come so that the training ends in time, and say so.

    The last stage gets the epochs there is time for; those before it keep theirs unless they would take too much. The
    plan is made when some batches of a stage are measured and may grow in its first half; later it only becomes
    shorter, when the rest would not fit any more. What is not over when the time is, is cut short.

    Schedules follow the share of the stage that is done, in the last stage by the time there is: they are at their end
    when the time is, whatever else the machine was busy with.

    Args:
        minutes: the training may take, the evaluation of the finished model included.
        say: told each plan, one sentence.
        started: what the clock said when the training began; None: now.
        evaluations: passes over the validation split that come after the training.
        clock: seconds since any moment.
    """

    # Before the log, which tells how many epochs there are, and before the checkpoint, which keeps the plan.
    order, run_valid, state_key = 65, False, "budget"

    def __init__(
        self,
        minutes: float,
        say: Callable[[str], None] = lambda sentence: None,
        *,
        started: float | None = None,
        evaluations: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.minutes, self.say, self.evaluations, self.clock = minutes, say, evaluations, clock
        self.started = clock() if started is None else started
        self.earlier_s, self.speed, self.stage_share = 0.0, Speed(clock), StageShare()
        # of the last epoch that is trained on: a lack of memory may change how many batches that is
        self.share: float | None = None
        self.wanted: list[int] = []
        self.has_planned, self.said_at_s = False, 0.0

    def elapsed_s(self) -> float:
        """Return the seconds the training has taken so far, also before it was resumed."""
        return self.earlier_s + self.clock() - self.started

    def left_s(self, margin: float = MARGIN) -> float:
        """Return the seconds that are left for epochs."""
        return 60 * self.minutes * (1 - margin) - self.elapsed_s() - self.evaluations * self.speed.rest_s()

    # What is measured

    def before_fit(self) -> None:
        self.wanted = self.wanted or [stage.epochs for stage in self.learn.stages]
        self.share, self.is_measured, self.epochs_seen = None, False, 0
        self.speed.evaluation_batches, self.stage_share.done = count_evaluation_batches(self.learn), 0.0
        self.speed.timer.recent.clear()
        self.ends_at_s = self.elapsed_s() + MAX_BEFORE_LAST * self.left_s()
        if not self.has_planned and self.learn.stage_index == self._find_last_stage() and self.learn.n_epoch == 1:
            self._set_epochs(self._find_last_stage(), 2)  # one of a few batches is over before there is a plan

    def before_epoch(self) -> None:
        if self.epochs_seen:
            self._note_rest()
        self.epoch_began = self.clock()

    def before_train(self) -> None:
        self.speed.timer.begin()

    def after_train(self) -> None:
        self.speed.measure(self.learn)
        self.train_ended = self.clock()

    def after_fit(self) -> None:
        self.learn.stage_share = None

    def _note_rest(self) -> None:
        # The first epoch of a stage has a longer beginning than those after it.
        trained = self.epoch_began + self.speed.timer.seen * self.speed.timer.batch_s
        self.speed.measured_rest_s = max(self.clock() - (self.train_ended if self.epochs_seen == 1 else trained), 0.0)

    # When it is planned

    def before_batch(self) -> None:
        self.speed.begin_batch(self.learn, trial_s=TRIAL_SHARE * 60 * self.minutes)
        self.learn.stage_share = self.stage_share.done
        limit = self._limit()
        if limit is not None and self.learn.n_iter is not None:
            # What looks at the place in the epoch shall see where it ends.
            self.learn.n_iter = min(limit, self.learn.n_iter)

    def after_batch(self) -> None:
        # Nothing is set here that is an attribute of this object: fastai would look for each in the learner and model.
        self.speed.timer.count()
        if not self.is_measured and self._is_enough():
            self._measure()
        to_come, is_over = self._look()
        self.stage_share.count(to_come)
        if (is_over or self._is_cut()) and self._is_at_step():
            if is_over:
                self._end()
            raise CancelTrainException

    def after_epoch(self) -> None:
        self.epochs_seen += 1
        self._note_rest()
        # A frozen stage says less of the last one than the trial and what is measured there.
        says_more = self.learn.stage_index == self._find_last_stage() or not self.has_planned
        if says_more and length(self.learn.dls.train) and not self.learn.is_stopped:
            # In its first half a one-cycle is at its height; later it would have to rise again.
            self._replan(done=0, may_grow=2 * self.learn.position.epoch <= self.learn.n_epoch)

    def _is_enough(self) -> bool:
        """Tell whether the batches so far are worth a plan; an epoch of fewer is planned at its end."""
        count = self.speed.timer.measured
        if count < 1 or world_size() > 1:  # workers must plan after the same batch
            return count == MEASURED
        took_s = self.speed.timer.took_s()
        return (count >= MEASURED and took_s >= MEASURED_S) or took_s >= MEASURED_SHARE * 60 * self.minutes

    def _measure(self) -> None:
        if self.learn.device.type == "cuda":
            torch.cuda.synchronize(self.learn.device)  # what was timed must be done
        self.speed.measure(self.learn)
        self.is_measured = True
        if self.learn.n_iter:
            self._replan(done=self.learn.iter + 1, may_grow=True)

    # The plan

    def _replan(self, *, done: int, may_grow: bool) -> None:
        """Plan what is left.

        Args:
            done: batches of the running epoch; 0: it is over.
        """
        learn = self.learn
        here, later = count_epochs_left(learn)
        first = learn.stage_index if here else learn.stage_index + 1
        stages = [(index, stretch) for index in range(first, len(learn.stages)) if (stretch := self._stretch(index))]
        if not stages:
            return
        plan, said = on_main(lambda: self._make_plan([stretch for _, stretch in stages], here + later, done))
        is_shorter = sum(plan.epochs) < here + later or (plan.limit is not None and here == 1)
        is_longer = may_grow and sum(plan.shares) >= WORTHWHILE * (here + later)
        if is_shorter or is_longer or not self.has_planned:
            self._follow(plan, [index for index, _ in stages])
            self._say(said, is_urgent=not self.has_planned or plan.limit is not None)
        self.has_planned = True

    def _say(self, sentence: str, *, is_urgent: bool) -> None:
        is_due = self.elapsed_s() - self.said_at_s >= MIN_BETWEEN_SENTENCES * 60 * self.minutes
        if is_main() and (is_urgent or is_due):
            self.said_at_s = self.elapsed_s()
            self.say(sentence)

    def _make_plan(self, stages: list[Stretch], left: int, done: int) -> tuple[Plan, str]:
        batches = length(self.learn.dls.train) or 1
        # The last epoch may be cut short: so nothing is given up for the half of one.
        slack_s = (batches * stages[-1].batch_s + self.speed.rest_s()) / 2 if self.has_planned and left > 1 else 0.0
        plan = plan_epochs(self.left_s() + slack_s, stages, batches=batches, rest_s=self.speed.rest_s(), done=done)
        if self.has_planned:
            return plan, describe_change(plan, left, batches=batches)
        finished, stage = self.learn.epochs_done, self.learn.stage
        frozen = sum(share for share, stage in zip(plan.shares, stages, strict=True) if stage.is_frozen)
        return plan, describe(
            self.minutes,
            epochs=finished + sum(plan.shares),
            frozen=frozen + (finished if stage and stage.frozen else 0),
            epoch_s=plan.epoch_s,
        )

    def _stretch(self, index: int) -> Stretch | None:
        """Return a stage for the planner, nothing for one without epochs."""
        learn = self.learn
        finished = learn.position.epoch if index == learn.stage_index else 0
        wanted = None if index == self._find_last_stage() else self.wanted[index] - finished
        if wanted is not None and wanted < 1:
            return None
        is_frozen = learn.stages[index].frozen
        return Stretch(epochs=wanted, batch_s=self.speed.batch_s(is_frozen=is_frozen), is_frozen=is_frozen)

    def _find_last_stage(self) -> int:
        """Return the index of the last stage that trains."""
        return max((number for number, epochs in enumerate(self.wanted) if epochs), default=0)

    def _follow(self, plan: Plan, indexes: list[int]) -> None:
        learn = self.learn
        for index, epochs in zip(indexes, plan.epochs, strict=True):
            is_running = index == learn.stage_index
            self._set_epochs(index, epochs + (learn.position.epoch if is_running else 0))
            if is_running:
                self.share = None if plan.limit is None else plan.limit / (length(learn.dls.train) or 1)

    def _set_epochs(self, index: int, epochs: int) -> None:
        learn = self.learn
        learn.stages[index] = replace(learn.stages[index], epochs=epochs)
        if learn.stage is not None and index == learn.stage_index:  # None: a resume, before its stage has begun
            learn.stage, learn.n_epoch = learn.stages[index], epochs
            tell_epochs(learn.stage.schedule, epochs)

    # The end

    def _is_at_step(self) -> bool:
        first, size = self.learn.window()
        return bool(self.learn.iter + 1 == first + size)

    def _is_cut(self) -> bool:
        limit = self._limit()
        return limit is not None and bool(self.learn.iter + 1 >= limit)

    def _limit(self) -> int | None:
        """Return the batches after which the running epoch ends, None for a whole one."""
        return None if self.share is None else round(self.share * (length(self.learn.dls.train) or 1))

    def _look(self) -> tuple[float, bool]:
        """Return the batches of the stage that are to come and whether it ends here, as the first worker sees it."""
        if world_size() > 1 and self.speed.timer.seen % ASK_EVERY:
            return self.stage_share.to_come - 1, False
        is_late = self.learn.stage_index != self._find_last_stage() and self.elapsed_s() > self.ends_at_s
        return on_main(lambda: (self._to_come(), self._is_time_over() or is_late))

    def _to_come(self) -> float:
        """Return the batches of the running stage that are planned, or of the last one the fewer there is time for."""
        learn, batches, done = self.learn, length(self.learn.dls.train) or 0, self.learn.iter + 1
        planned = (self._limit() or batches) - done + (learn.n_epoch - learn.epoch - 1) * batches
        if learn.stage_index != self._find_last_stage():
            return planned
        batch_s, rest_s = self.speed.timer.recent_s(), self.speed.rest_s()
        fitting = batches_left(self.left_s(), batch_s, batches=batches, rest_s=rest_s, done=done)
        return min(planned, fitting) if batches and self.has_planned else fitting

    def _is_time_over(self) -> bool:
        """Tell whether there is no time for another batch."""
        return self.left_s(MARGIN / 2) < self.speed.rest_s()

    def _end(self) -> None:
        learn = self.learn
        said = f"epoch {learn.epochs_done + 1} ends after batch {learn.iter + 1}"
        if on_main(self._is_time_over):
            learn.n_epoch = learn.epoch + 1
            learn.end("time")
            said = f"The time is over: {said}"
        else:
            self._set_epochs(learn.stage_index, learn.epoch + 1)
            said = f"Half of the time is used: {said}, so that the last stage gets the rest"
        if is_main():
            self.say(said)

    def state_dict(self) -> dict[str, Any]:
        return {
            "minutes": self.minutes,
            "elapsed_s": self.elapsed_s(),
            "wanted": self.wanted,
            "epochs": [stage.epochs for stage in self.learn.stages],
            "share": self.share,
            "rest_s": self.speed.measured_rest_s,
            "stage_share": self.stage_share.done,
            "has_planned": self.has_planned,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.earlier_s, self.has_planned = state["elapsed_s"], state["has_planned"]
        self.speed.measured_rest_s = state["rest_s"]
        # Of a longer time less is used.
        self.stage_share.done = state["stage_share"] * min(state["minutes"] / self.minutes, 1.0)
        if not self.has_planned or len(state["epochs"]) != len(self.learn.stages):
            return
        for index, epochs in enumerate(state["epochs"]):
            self._set_epochs(index, epochs)
        self.share = state["share"]
        if self.minutes > state["minutes"]:  # a longer time opens what was over
            self.share = None
            if self.learn.stage is not None:
                self._set_epochs(self.learn.stage_index, max(self.learn.n_epoch, self.learn.position.epoch + 1))
