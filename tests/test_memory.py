"""A lack of memory halves the batch; the steps stay the same."""

from typing import Any

import pytest
import torch

from auto_train.errors import TrainingError
from auto_train.training.learner import Learner
from auto_train.training.loaders import Loaders
from auto_train.training.optim.schedule import Constant
from auto_train.training.optim.stages import Stage
from tests.training.conftest import Batches, Points, network, points


def stage(epochs: int = 1) -> Stage:
    return Stage(name="all", epochs=epochs, schedule=Constant())


class Halving(Batches):
    """Batches that can be made smaller, as the pixel stores' loader."""

    def __init__(self, n: int, batch_size: int):
        super().__init__(*points(n), batch_size)
        self.start = 0

    def halve(self) -> bool:
        if self.bs == 1:
            return False
        self.bs //= 2
        self.batches = [(x, y) for bx, by in self.batches for x, y in zip(bx.split(self.bs), by.split(self.bs))]
        return True

    def __iter__(self):
        self.start, first = 0, self.start
        return iter(self.batches[first:])


class Hungry(Points):
    """Runs out of memory in batches larger than allowed, from the n-th batch on."""

    def __init__(self, allowed: int, after: int = 0):
        super().__init__()
        self.allowed, self.left, self.sizes = allowed, after, []

    def batch_forward(self, model, batch):
        self.left -= 1
        if self.left < 0 and len(batch[0]) > self.allowed:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        if model.training:
            self.sizes.append(len(batch[0]))
        return super().batch_forward(model, batch)


def weights_after(task: Points, **options: Any) -> torch.Tensor:
    loaders = Loaders(Halving(32, 8))
    learn = Learner(loaders, network(has_batch_norm=False), task=task, optimizer=torch.optim.SGD, **options)
    learn.fit_stages([stage(2)])
    return torch.cat([p.detach().flatten() for p in learn.model.parameters()])


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_out_of_memory_goes_on_with_halves_that_take_the_same_steps(after: int):
    # Without batch norm the mean of two halves' gradients is the whole batch's.
    hungry = Hungry(allowed=4, after=after)
    assert torch.allclose(weights_after(hungry), weights_after(Points()), atol=1e-6)
    assert sum(hungry.sizes) == 64 and set(hungry.sizes[after:]) == {4}


def test_out_of_memory_inside_an_accumulated_step_repeats_the_step():
    hungry = Hungry(allowed=2, after=3)
    assert torch.allclose(weights_after(hungry, accumulate=2), weights_after(Points(), accumulate=2), atol=1e-6)


def test_out_of_memory_with_single_images_ends_the_training():
    with pytest.raises(
        TrainingError,
        match=r"out of memory with batches of 1\n  begin with smaller batches, .* smaller model or smaller images",
    ) as caught:
        weights_after(Hungry(allowed=0))
    assert caught.value.exit_code == 4


def test_out_of_memory_of_a_foreign_loader_ends_the_training():
    learn = Learner(Loaders(Batches(*points(8), 4)), network(has_batch_norm=False), task=Hungry(allowed=0))
    with pytest.raises(TrainingError, match=r"out of memory with batches of 4"):
        learn.fit_stages([stage()])


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    class Broken(Points):
        def batch_forward(self, model, batch):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        weights_after(Broken())


@pytest.mark.parametrize(("accumulate", "after"), [(1, 1), (2, 3), (4, 2)])
def test_out_of_memory_counts_every_sample_once(accumulate: int, after: int):
    class Counting(Hungry):
        def extra_batch_metrics(self, out, batch, losses, model, epoch_cache):
            epoch_cache.setdefault("seen", []).append(len(batch[1]))
            return {}

        def epoch_metric(self, epoch_cache):
            return {"seen": sum(epoch_cache.get("seen", []))}

    loaders = Loaders(Halving(32, 8))
    learn = Learner(loaders, network(has_batch_norm=False), task=Counting(2, after), accumulate=accumulate)
    learn.fit_stages([stage()])
    assert learn.train_means["seen"] == 32 and learn.train_averages.counts["loss"] == 32


def test_out_of_memory_in_evaluation_halves_the_loader_that_did_not_fit():
    class HungryInEvaluation(Hungry):
        def batch_forward(self, model, batch):
            self.left = 1 if model.training else 0
            return super().batch_forward(model, batch)

    loaders = Loaders(Halving(8, 8), Halving(8, 4), Halving(16, 16))
    learn = Learner(loaders, network(has_batch_norm=False), task=HungryInEvaluation(4))
    learn.fit_stages([stage()])
    assert (loaders.train.bs, loaders.valid.bs, loaders.test.bs) == (8, 4, 4)
    assert learn.means["test"]["accuracy"] >= 0
