"""The loader of step mode (F3.24)."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler

from auto_train.errors import UsageError
from auto_train.training.pipeline.step_mode import Intervals, StepPlan


class Numbers:
    """The batches 0 to n - 1.

    Attributes:
        epochs: what a sampler of several workers is told.
    """

    def __init__(self, n: int, *, has_length: bool = True):
        self.n, self.epochs = n, list[int]()
        if has_length:
            self.__class__ = _Sized
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))


class _Sized(Numbers):
    def __len__(self) -> int:
        return self.n


def passed(intervals: Intervals, epoch: int, start: int = 0) -> list[tuple[Any, tuple[int, int]]]:
    """Return the batches of an interval as the Learner takes them, each with its step."""
    intervals.epoch, intervals.start = epoch, start
    return [(batch, intervals.window(i)) for i, batch in enumerate(intervals, start)]


def batches(intervals: Intervals, epoch: int) -> list[Any]:
    return [batch for batch, _ in passed(intervals, epoch)]


def test_intervals_go_through_the_passes_one_after_the_other():
    intervals = Intervals(Numbers(4), accumulate=1, sizes=[3, 3, 1])
    assert [batches(intervals, epoch) for epoch in range(3)] == [[0, 1, 2], [3, 0, 1], [2]]
    assert intervals.passes == 2 and intervals.loader.epochs == [0, 1] and not intervals.is_over


def test_step_at_the_end_of_a_pass_has_the_batches_that_are_left():
    intervals = Intervals(Numbers(4), accumulate=3, sizes=[3, 1])
    # steps of 3, 1, 3 batches, then 1
    assert passed(intervals, 0) == [
        *[(0, (0, 3)), (1, (0, 3)), (2, (0, 3))],
        (3, (3, 1)),
        *[(0, (4, 3)), (1, (4, 3)), (2, (4, 3))],
    ]
    assert passed(intervals, 1) == [(3, (0, 1))]


def test_length_is_the_most_batches_an_interval_can_have():
    intervals = Intervals(Numbers(4), accumulate=3, sizes=[3, 1])
    assert len(intervals) == 9
    intervals.epoch = 1
    assert len(intervals) == 3
    intervals.epoch = 2  # when the training is over
    assert len(intervals) == 3


def test_intervals_end_after_the_last_pass():
    intervals = Intervals(Numbers(2, has_length=False), accumulate=1, sizes=[3, 3], max_passes=2)
    assert batches(intervals, 0) == [0, 1, 0] and not intervals.is_over
    assert batches(intervals, 1) == [1] and intervals.is_over


def test_intervals_of_an_empty_loader_are_refused():
    with pytest.raises(UsageError, match=r"task.train_loader: the training loader gives no batches"):
        batches(Intervals(Numbers(0), accumulate=2, sizes=[3]), 0)


def shuffled(own_generator: bool) -> DataLoader[int]:
    generator = torch.Generator().manual_seed(3) if own_generator else None
    sampler = RandomSampler(range(7), generator=generator)
    return DataLoader(range(7), batch_size=1, sampler=sampler, generator=generator)  # type: ignore[arg-type]


@pytest.mark.parametrize("own_generator", [True, False])
@pytest.mark.parametrize("stop", range(1, 12))
def test_intervals_go_on_from_a_checkpoint_at_any_step(own_generator: bool, stop: int):
    sizes = [3, 3, 3]

    def begun() -> Intervals:
        torch.manual_seed(1)
        return Intervals(shuffled(own_generator), accumulate=2, sizes=sizes)

    whole = begun()
    expected = [int(batch) for epoch in range(3) for batch in batches(whole, epoch)]
    # 7 batches are steps of 2, 2, 2, 1
    ends = [2, 4, 6, 7, 9, 11, 13, 14, 16]
    first, seen, place = begun(), [], None
    for epoch in range(3):
        first.epoch, first.start = epoch, 0
        for i, batch in enumerate(first):
            seen.append(int(batch))
            if place is None and len(seen) >= stop and len(seen) in ends:
                place = epoch, i + 1, len(seen)
                file = io.BytesIO()
                torch.save([first.state_dict(), torch.get_rng_state()], file)
    assert place is not None
    file.seek(0)
    state, rng = torch.load(file, weights_only=True)
    second = begun()
    torch.manual_seed(99)
    second.load_state_dict(state)
    torch.set_rng_state(rng)
    epoch, start, done = place
    later = [int(batch) for batch, _ in passed(second, epoch, start)]
    later += [int(batch) for n in range(epoch + 1, 3) for batch in batches(second, n)]
    assert expected[done:] == later and second.passes == whole.passes


@pytest.mark.parametrize(
    ("runner", "length", "expected"),
    [
        ({"max_steps": 10}, 4, (4, 10, "max_steps", 3)),
        ({"max_steps": 10, "accum_grad": 3}, 4, (2, 10, "max_steps", 5)),
        ({"max_epochs": 5, "accum_grad": 3}, 4, (2, 10, "max_steps", 5)),
        ({"max_steps": 10, "max_epochs": 2}, 4, (4, 8, "max_epochs", 2)),
        ({"max_steps": 7, "max_epochs": 2}, 4, (4, 7, "max_steps", 2)),
        ({"max_steps": 10.0, "max_epochs": 9}, None, (None, 10, "max_steps", None)),
    ],
)
def test_plan_counts_steps(runner: dict[str, Any], length: int | None, expected: tuple[Any, ...]):
    plan = StepPlan.of(runner, Numbers(length or 4, has_length=length is not None))
    assert (plan.per_pass, plan.total, plan.limit, plan.passes) == expected


def test_plan_without_length_and_max_steps_is_refused():
    with pytest.raises(ValueError, match=r"runner.max_steps: .* cannot be counted in steps\n  give max_steps"):
        StepPlan.of({"max_epochs": 3}, Numbers(4, has_length=False))


def test_plan_divides_steps_into_intervals_and_stages():
    plan = StepPlan.of({"max_steps": 10, "eval_interval": 4}, Numbers(3))
    assert plan.intervals(10) == [4, 4, 2] and plan.intervals(8) == [4, 4] and plan.intervals(0) == []
    assert plan.stage_steps([4]) == [10]
    assert plan.stage_steps([1, 2, 1]) == [3, 6, 1] and plan.stage_steps([2, 2, 9]) == [6, 4, 0]


def test_intervals_hand_on_how_batches_are_divided_among_workers():
    class Divides(Numbers):
        share = 0.5

        def shard(self, rank: int, world: int) -> None:
            self.place = rank, world

    intervals = Intervals(Divides(4, has_length=False), accumulate=1, sizes=[1])
    intervals.shard(1, 2)
    assert intervals.loader.place == (1, 2) and intervals.share == 0.5
    assert not hasattr(Intervals(Numbers(4), accumulate=1, sizes=[1]), "shard")
