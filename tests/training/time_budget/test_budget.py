"""Trainings on a clock that the batches move on, so that the numbers can be worked out; and one on the real clock."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auto_train.training.checkpoints.checkpoint import Checkpointer, load_checkpoint
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage
from auto_train.training.optim.torch_schedule import TorchSchedule
from auto_train.training.stopping import StopOnRequest
from auto_train.training.time_budget.budget import MARGIN, Budget
from auto_train.training.workers import distributed
from tests.test_memory import Halving
from tests.training.conftest import Points
from tests.training.workers.spawned import in_workers
from tests.training.workers.test_parallel import Names, learner

Make = Callable[..., Any]


class Clock:
    """Seconds that pass when a batch is computed.

    Args:
        train: seconds of a training batch.
        evaluation: seconds of an evaluation batch.
    """

    def __init__(self, train: float = 1.0, evaluation: float = 1.0):
        self.now, self.train, self.evaluation = 0.0, train, evaluation

    def __call__(self) -> float:
        return self.now


class Timed(Points):
    """Points whose batches move a clock on, frozen ones half as much.

    Args:
        slower: factor of the training batches of an epoch, by epoch.
        busy_after_s: from when on something else takes most of the machine.
        busy: how much longer everything takes then.
        frozen: share of the seconds that a batch takes with a frozen backbone.
    """

    def __init__(
        self,
        clock: Clock,
        slower: dict[int, float] | None = None,
        *,
        busy_after_s: float = math.inf,
        busy: float = 1.0,
        frozen: float = 0.5,
    ):
        super().__init__()
        self.clock, self.slower, self.epoch = clock, slower or {}, 0
        self.busy_after_s, self.busy, self.frozen = busy_after_s, busy, frozen
        self.batches: list[int] = []

    def batch_forward(self, model: Any, batch: Any) -> dict[str, Any]:
        is_frozen = not next(model.parameters()).requires_grad
        factor = self.slower.get(self.epoch, 1.0) * (self.frozen if is_frozen else 1.0)
        factor *= self.busy if self.clock.now >= self.busy_after_s else 1.0
        self.clock.now += self.clock.train * factor if model.training else self.clock.evaluation
        return super().batch_forward(model, batch)

    def on_train_batch_end(self, *args: Any) -> None:
        self.batches[-1] += 1

    def on_epoch_start(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches.append(0)


def stages(frozen: int = 0, epochs: int = 5) -> list[Stage]:
    return [
        Stage(name="frozen", epochs=frozen, frozen=True, schedule=OneCycle([0.01]), settings={"frozen": True}),
        Stage(name="all", epochs=epochs, schedule=OneCycle([0.01])),
    ]


@pytest.fixture
def fit(make_learner: Make) -> Callable[..., Any]:
    """Return a function that trains on a clock: 10 batches of 1 s and 2 evaluation batches of 1 s an epoch."""

    def train(minutes: float, *, frozen: int = 0, clock: Clock | None = None, **options: Any) -> Any:
        clock = clock or Clock()
        budget_options = {key: options.pop(key) for key in ("started", "evaluations") if key in options}
        timed = {key: options.pop(key) for key in ("slower", "busy_after_s", "busy", "frozen_s") if key in options}
        task = Timed(clock, **({"frozen": timed.pop("frozen_s")} if "frozen_s" in timed else {}), **timed)
        learn = make_learner(task=task, n=40, batch_size=4, **options)
        learn.said = []
        learn.rates = []
        learn.listeners.on("onTrainBatchEnd", lambda *args: learn.rates.append(args[-1]))
        with learn.added_cbs(Budget(minutes, learn.said.append, clock=clock, **budget_options)):
            learn.fit_stages(stages(frozen))
        return learn

    return train


def test_budget_plans_the_epochs_after_some_batches_and_ends_in_time(fit):
    learn = fit(2)
    # 114 s without the margin. Planned after 6 batches, with evaluation guessed at 2/3 s: 114 / 10.67. An epoch takes
    # 12 s: the tenth has 6 s, of which 2 s evaluate.
    assert learn.said[0] == "2 minutes: 10 epochs of about 11 s"
    assert learn.task.batches == [10] * 9 + [4]
    assert learn.task.clock.now == 114 and learn.epochs_done == 10 and learn.end_reason is None


def test_budget_lets_the_schedule_end_where_the_training_does(fit):
    learn = fit(2)
    rates = learn.rates
    assert max(rates) == pytest.approx(0.01, rel=0.01)
    assert rates.index(max(rates)) == pytest.approx(0.3 * len(rates), abs=3)
    assert rates[-1] < 1e-4 and rates[-4:] == sorted(rates[-4:], reverse=True)


def test_budget_lets_a_scheduler_of_torch_end_with_the_training(make_learner: Make):
    clock = Clock()
    learn = make_learner(task=Timed(clock), n=40, batch_size=4)
    rates: list[float] = []
    learn.listeners.on("onTrainBatchEnd", lambda *args: rates.append(args[-1]))
    cosine = Stage(name="all", epochs=5, schedule=TorchSchedule("cosine"))
    with learn.added_cbs(Budget(2, clock=clock)):
        learn.fit_stages([cosine])
    # Ten epochs along a cosine; torch sets it after each, so the last one has 1 - cos(9/10 π) of the half.
    by_epoch = [rates[10 * epoch] for epoch in range(10)]
    assert by_epoch == pytest.approx([by_epoch[0] / 2 * (1 + math.cos(math.pi * k / 10)) for k in range(10)])


def test_budget_counts_what_came_before_and_what_comes_after(fit):
    clock = Clock()
    clock.now = 100.0
    learn = fit(2, clock=clock, started=64.0, evaluations=3.0)
    # 36 s have gone and 3 evaluations of 2 s are to come: 72 s, of which 6 epochs take all.
    assert learn.epochs_done == 6 and clock.now == 100 + 72


def test_budget_plans_frozen_epochs_from_what_they_cost(fit):
    learn = fit(3, frozen=2)
    # 171 s: 3 rounds of 2.5 s to try, 2 frozen epochs of 7 s, then 12 of 12 s
    assert learn.said == ["3 minutes: 14 epochs of about 12 s, 2 of them with the backbone frozen"]
    assert learn.task.batches[:2] == [10, 10] and learn.epochs_done == 2 + 12
    assert learn.task.clock.now == 7.5 + 14 + 144


@pytest.mark.parametrize("frozen_s", [0.1, 0.33, 0.9])
def test_first_plan_is_nearly_the_last_however_little_a_frozen_batch_costs(fit, frozen_s: float):
    learn = fit(3, frozen=2, frozen_s=frozen_s)
    planned = int(learn.said[0].split()[2])
    assert abs(planned / learn.epochs_done - 1) < 0.2 and learn.task.clock.now <= 171


@pytest.mark.parametrize("frozen", [0, 2])
@pytest.mark.parametrize(("busy_after_s", "busy"), [(20, 3), (65, 5), (100, 3)])
def test_rate_is_down_at_the_end_though_the_machine_became_busy(fit, frozen: int, busy_after_s: float, busy: float):
    learn = fit(2, frozen=frozen, busy_after_s=busy_after_s, busy=busy)
    last = learn.rates[sum(learn.task.batches[:frozen]) :]
    assert max(last) > 0.0099 and last[-1] < 0.0005
    assert last[-5:] == sorted(last[-5:], reverse=True) and learn.task.clock.now <= 120 + busy


@pytest.mark.parametrize(("busy_after_s", "busy"), [(45, 20), (30, 25)])
def test_rate_is_down_at_the_end_though_only_a_few_more_batches_fit(fit, busy_after_s: float, busy: float):
    learn = fit(2, busy_after_s=busy_after_s, busy=busy)
    assert learn.rates[-1] < 0.0005 and learn.task.clock.now <= 120 + busy


def test_frozen_epochs_on_a_machine_that_became_busy_leave_time_for_the_others(fit):
    learn = fit(2, frozen=4, busy_after_s=7, busy=30)
    # Half of the time is gone in the first frozen epoch: it ends there.
    assert learn.said[-1] != learn.said[0] and len(learn.task.batches) >= 2
    assert learn.stages[0].epochs == 1 and learn.task.batches[0] < 10 and learn.task.batches[1] >= 1
    assert learn.task.clock.now <= 120 + 30


def test_rate_of_a_resumed_training_goes_on_where_it_was(make_learner: Make, tmp_path: Path):
    def begin(clock: Clock, stop_at: int | None) -> tuple[Any, list[float], list[Any]]:
        learn, rates, stop = make_learner(task=Timed(clock), n=40, batch_size=4), list[float](), StopOnRequest()
        learn.listeners.on("onTrainBatchEnd", lambda *args: rates.append(args[-1]))
        learn.listeners.on("onBatchStart", lambda *args: len(rates) == stop_at and stop.requested.set())
        return learn, rates, [Budget(2, clock=clock), Checkpointer(tmp_path), stop]

    clock = Clock()
    whole, expected, callbacks = begin(clock, None)
    with whole.added_cbs(callbacks):
        whole.fit_stages(stages())
    clock = Clock()
    learn, before, callbacks = begin(clock, 43)
    with learn.added_cbs(callbacks):
        learn.fit_stages(stages())
    assert learn.end_reason == "interrupt" and before == pytest.approx(expected[: len(before)])
    other, after, callbacks = begin(clock, None)
    with other.added_cbs(callbacks):
        other.fit_stages(stages(), start=load_checkpoint(tmp_path / "last.ckpt"))
    assert [*before, *after] == pytest.approx(expected)


def test_budget_cuts_frozen_epochs_that_would_take_more_than_a_third(fit):
    learn = fit(2, frozen=50)
    epochs = [stage.epochs for stage in learn.stages]
    # A third is 38 s: 5 epochs of 7 s, or 6 with the half of one that is not given up.
    assert epochs[0] in (5, 6) and learn.epochs_done == sum(epochs) and 108 <= learn.task.clock.now <= 114


def test_budget_of_less_than_an_epoch_ends_within_it_with_an_evaluation(fit):
    learn = fit(9 / 60 / (1 - MARGIN))
    # 9 s: after 4 batches, with evaluation guessed at 2/3 s, 4 more are planned
    assert learn.said == ["0.16 minutes: 0.8 epochs of about 11 s"]
    assert learn.task.batches == [8] and learn.epochs_done == 1 and "loss" in learn.valid_means
    assert learn.rates[-1] < 0.002


def test_budget_that_is_over_before_the_training_begins_still_trains_a_batch(fit):
    learn = fit(0.01, started=-60.0)
    assert learn.task.batches == [1] and learn.epochs_done == 1 and learn.end_reason == "time"
    assert learn.said == ["The time is over: epoch 1 ends after batch 1"]


def test_budget_takes_fewer_epochs_when_the_machine_becomes_slower(fit):
    learn = fit(2, slower=dict.fromkeys(range(3, 20), 2.0))
    # Two epochs of 12 s leave 90 s: four of 22 s, not eight of 12 s.
    assert learn.epochs_done == 6 and learn.task.clock.now <= 114
    (change,) = [sentence for sentence in learn.said if "where 7 were planned" in sentence]
    assert change == "Time is left for 3 epochs of about 22 s, where 7 were planned"
    assert learn.rates[-1] < 1e-3


def test_budget_takes_more_epochs_when_only_the_first_was_slow(fit):
    learn = fit(2, slower={1: 3.0})
    # Three epochs of 32 s are planned; the first one leaves 82 s: 6 of 12 s, and one that is cut short.
    assert learn.said[0] == "2 minutes: 3 epochs of about 32 s"
    assert "where 2 were planned" in "".join(learn.said)
    assert learn.epochs_done == 8 and learn.task.clock.now == 114


def test_budget_ends_an_epoch_that_takes_much_longer_than_planned(fit):
    learn = fit(2, slower={10: 30.0})
    assert learn.end_reason == "time" and learn.said[-1].startswith("The time is over: epoch 10 ends after batch ")
    assert learn.task.clock.now <= 120 + 30 + 2  # the batch that ran, and the evaluation


def test_budget_stops_between_two_optimizer_steps(fit):
    learn = fit(9 / 60 / (1 - MARGIN), accumulate=2)
    assert learn.task.batches[0] % 2 == 0 and learn.stage_steps == learn.task.batches[0] / 2


def test_budget_of_a_loader_without_a_length_ends_when_the_time_is_over(fit, make_learner: Make):
    class Endless:
        def __iter__(self) -> Iterator[Any]:
            while True:
                yield from batches

    clock = Clock()
    learn = make_learner(task=Timed(clock), n=40, batch_size=4)
    batches = learn.dls.train.batches
    learn.dls.loaders[0] = Endless()
    with learn.added_cbs(Budget(1, clock=clock)):
        learn.fit_stages(stages())
    assert learn.end_reason == "time" and learn.epochs_done == 1
    assert 60 * (1 - MARGIN) <= clock.now <= 60


@pytest.mark.parametrize("epochs", [5, 1])
def test_budget_of_tiny_epochs_plans_at_the_end_of_the_first(make_learner: Make, epochs: int):
    clock = Clock(evaluation=0.5)
    said: list[str] = []
    learn = make_learner(task=Timed(clock), n=8, batch_size=4)  # 2 batches of 1 s, 2 of 0.5 s
    with learn.added_cbs(Budget(1, said.append, clock=clock)):
        learn.fit_stages(stages(epochs=epochs))
    assert said == ["1 minute: 19 epochs of about 3 s"] and learn.epochs_done == 19 and clock.now == 57


def test_budget_goes_on_where_a_stopped_training_was(make_learner: Make, tmp_path: Path):
    class Stopping(Timed):
        def on_epoch_start(self, epoch: int) -> None:
            super().on_epoch_start(epoch)
            if epoch == 4:
                stop.requested.set()

    clock, stop = Clock(), StopOnRequest()
    learn = make_learner(task=Stopping(clock), n=40, batch_size=4)
    with learn.added_cbs([Budget(2, clock=clock), Checkpointer(tmp_path), stop]):
        learn.fit_stages(stages())
    planned = learn.stages[1].epochs
    assert learn.end_reason == "interrupt" and planned > 5
    clock.now += 1000  # nobody trains
    other = make_learner(task=Timed(clock), n=40, batch_size=4)
    said: list[str] = []
    with other.added_cbs([Budget(2, said.append, clock=clock), Checkpointer(tmp_path)]):
        other.fit_stages(stages(), start=load_checkpoint(tmp_path / "last.ckpt"))
    assert other.epochs_done == planned and clock.now - 1000 <= 114
    assert said == ["To end in time, the last epoch has 4 of its 10 batches"]


def test_budget_made_longer_goes_on_after_the_training_was_over(make_learner: Make, tmp_path: Path):
    clock = Clock()
    learn = make_learner(task=Timed(clock), n=40, batch_size=4)
    with learn.added_cbs([Budget(1, clock=clock), Checkpointer(tmp_path)]):
        learn.fit_stages(stages())
    done = learn.epochs_done
    other = make_learner(task=Timed(clock), n=40, batch_size=4)
    with other.added_cbs([Budget(2, clock=clock), Checkpointer(tmp_path)]):
        other.fit_stages(stages(), start=load_checkpoint(tmp_path / "last.ckpt"))
    assert other.epochs_done >= done + 4 and 100 <= clock.now <= 120


@pytest.mark.parametrize("name", [None, "step", "cosine", "plateau"])
def test_budget_goes_on_with_every_scheduler_of_torch(make_learner: Make, tmp_path: Path, name: str | None):
    def schedules() -> list[Stage]:
        params = {"step_size": 3} if name == "step" else {}
        return [Stage(name=part, epochs=epochs, schedule=TorchSchedule(name, params)) for part, epochs in lengths]

    lengths, clock, stop = [("frozen", 0), ("all", 5)], Clock(), StopOnRequest()
    learn = make_learner(task=Timed(clock), n=40, batch_size=4)
    learn.listeners.on("onEpochEnd", lambda state, averages: state["epoch"] == 2 and stop.requested.set())
    with learn.added_cbs([Budget(2, clock=clock), Checkpointer(tmp_path), stop]):
        learn.fit_stages(schedules())
    assert learn.epochs_done == 2
    other = make_learner(task=Timed(clock), n=40, batch_size=4)
    with other.added_cbs([Budget(3, clock=clock, started=clock()), Checkpointer(tmp_path)]):
        other.fit_stages(schedules(), start=load_checkpoint(tmp_path / "last.ckpt"))
    # 171 s, of which an epoch takes 12
    assert [stage.epochs for stage in other.stages] == [0, other.epochs_done] and 171 - 12 < clock() <= 171


def test_budget_cuts_an_epoch_at_the_same_image_when_memory_halves_its_batches(make_learner: Make):
    class Hungry(Timed):
        images = 0

        def batch_forward(self, model: Any, batch: Any) -> dict[str, Any]:
            if model.training and self.images >= 20 and len(batch[0]) > 2:
                raise MemoryError
            self.images += len(batch[0]) * model.training
            self.clock.train = len(batch[0]) / 4
            return super().batch_forward(model, batch)

    clock = Clock()
    learn = make_learner(task=Hungry(clock))
    learn.dls.loaders[0] = Halving(40, 4)
    with learn.added_cbs(Budget(9 / 60 / (1 - MARGIN), clock=clock)):
        learn.fit_stages(stages())
    # 8 of 10 batches of 4 are planned after the fourth; the last three of them are halved.
    assert learn.accumulate == 2 and learn.task.batches == [5 + 6] and learn.task.images == 32


def test_budget_of_three_seconds_ends_on_the_real_clock(make_learner: Make):
    class Slow(Points):
        def pre_batch_forward(self, batch: Any) -> None:
            time.sleep(0.01)

    learn = make_learner(task=Slow(), n=80, batch_size=4)  # 20 batches of training and 2 of validation
    said: list[str] = []
    began = time.monotonic()
    with learn.added_cbs(Budget(3 / 60, said.append)):
        learn.fit_stages(stages(frozen=1))
    took = time.monotonic() - began
    # A batch or an evaluation may have begun when the time was over; a busy machine makes each of them longer.
    assert took < 3 + 1 and learn.epochs_done >= 2
    assert took > 1.5, said


class TimedNames(Names):
    """A worker's batches, on a clock of its own."""

    def __init__(self, clock: Clock):
        super().__init__()
        self.clock = clock

    def batch_forward(self, model: Any, batch: Any) -> dict[str, Any]:
        self.clock.now += self.clock.train
        return super().batch_forward(model, batch)


def train_as_worker() -> tuple[int, list[str], float]:
    """Train on a clock that runs three times as fast on the second worker."""
    clock = Clock(train=1.0 + 2.0 * distributed.rank())
    learn, said = learner(ema_decay=None), list[str]()
    learn.task = TimedNames(clock)
    with learn.added_cbs(Budget(1, said.append, clock=clock)):
        learn.fit_stages([Stage(name="all", epochs=30, schedule=OneCycle([0.01]))])
    return learn.epochs_done, said, learn.opt.opt.param_groups[-1]["lr"]


def test_budget_of_several_workers_is_the_plan_of_the_first(tmp_path: Path):
    first, second = in_workers(2, tmp_path, train_as_worker)
    # 57 s; an epoch has 5 batches and 2 of evaluation: 8 of them, the last without its last 6 s
    assert first[0] == second[0] == 8 and first[2] == second[2]
    assert first[1][0] == "1 minute: 8 epochs of about 7 s" and second[1] == []
