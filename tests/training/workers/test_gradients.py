from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from auto_train.training.workers import distributed
from auto_train.training.workers.gradients import AveragedGradients, average_gradients, sync_buffers
from tests.training.workers.spawned import in_workers

Numbers = dict[str, list[float] | None]
Averaged = list[dict[str, dict[str, Numbers]]]
# how the gradients travel
WAYS = ("memory", "network")


class Branches(nn.Module):
    """A shared layer, two heads, and a layer that nothing uses; a task chooses the head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared, self.left, self.right, self.idle = (nn.Linear(3, 3) for _ in range(4))

    def forward(self, x: torch.Tensor, heads: str) -> torch.Tensor:
        x = self.shared(x)
        total = x.square().mean(1)
        for head in heads:
            total = total + getattr(self, {"l": "left", "r": "right"}[head])(x).square().mean(1)
        return total


def inputs(n: int) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(1))


def gradients(model: nn.Module) -> Numbers:
    return {
        name: None if weight.grad is None else weight.grad.flatten().tolist()
        for name, weight in model.named_parameters()
    }


def mine(x: torch.Tensor) -> torch.Tensor:
    """Return this worker's rows: two thirds and one third."""
    return x[:4] if distributed.is_main() else x[4:]


def average(bucket_bytes: int, heads: tuple[str, str], passes: int = 1, frozen: str = "") -> Numbers:
    """Return the averaged gradients of unequal parts of six rows, each worker with heads of its own."""
    model, x = Branches(), mine(inputs(6))
    if frozen:
        getattr(model, frozen).requires_grad_(False)
    averaged = AveragedGradients(model, bucket_bytes)
    for i in range(passes):
        # each worker's mean counts by its rows; the sum over workers is the mean over all rows
        loss = model(x, heads[distributed.rank()]).mean() * (len(x) / 6) / passes
        if i < passes - 1:
            loss.backward()
        else:
            with averaged.averaging():
                loss.backward()
    averaged.close()
    return gradients(model)


def alone(heads: tuple[str, str], frozen: str = "") -> Numbers:
    model, x = Branches(), inputs(6)
    if frozen:
        getattr(model, frozen).requires_grad_(False)
    torch.cat([model(x[:4], heads[0]), model(x[4:], heads[1])]).mean().backward()
    return gradients(model)


def assert_close(found: Numbers, expected: Numbers) -> None:
    assert {name for name, numbers in found.items() if numbers} == {n for n, numbers in expected.items() if numbers}
    for name, numbers in expected.items():
        assert found[name] == (numbers and pytest.approx(numbers, abs=1e-6)), name


CASES: dict[str, tuple[Any, ...]] = {
    "one message": (2**20, ("lr", "lr")),
    "a message for each weight": (1, ("lr", "lr")),
    "heads of their own": (1, ("l", "r")),
    "one worker without any head": (64, ("", "lr")),
    "three batches for a step": (64, ("lr", "lr"), 3),
    "a frozen layer": (64, ("lr", "lr"), 1, "shared"),
}


def average_all() -> dict[str, dict[str, Numbers]]:
    found = {"memory": {name: average(*case) for name, case in CASES.items()}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "from_file", refuse)  # as where a system hides processes from each other
        found["network"] = {name: average(*case) for name, case in CASES.items()}
    return found


def refuse(*args: Any, **options: Any) -> Any:
    raise RuntimeError("unable to open file")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Averaged:
    return in_workers(2, tmp_path_factory.mktemp("average"), average_all)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_two_workers_are_those_of_one_process(averaged: Averaged, way: str, case: str):
    _, heads, *rest = CASES[case]
    expected = alone(heads, rest[1] if len(rest) > 1 else "")
    assert_close(averaged[0][way][case], expected)
    assert averaged[0][way][case] == averaged[1][way][case]  # bit for bit, or the workers would part ways


@pytest.mark.parametrize("way", WAYS)
def test_weight_that_no_worker_uses_keeps_no_gradient(averaged: Averaged, way: str):
    assert all(worker[way][case]["idle.weight"] is None for worker in averaged for case in CASES)


def train_channels_last() -> list[float]:
    """Take two steps of a convolution, whose gradients have a layout of their own."""
    torch.manual_seed(0)
    model = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    averaged, optimizer = AveragedGradients(model), torch.optim.AdamW(model.parameters(), fused=True)
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    x = x[distributed.rank() :: distributed.world_size()].contiguous(memory_format=torch.channels_last)
    for _ in range(2):
        optimizer.zero_grad()
        with averaged.averaging():
            (model(x).square().mean() / distributed.world_size()).backward()
        assert model.weight.grad.stride() == model.weight.stride()
        optimizer.step()
    return model.weight.flatten().tolist()


def sync() -> tuple[list[float], list[float]]:
    """Start from weights of their own; afterwards only the buffers differ again."""
    torch.manual_seed(distributed.rank())
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with average_gradients(model):
        first = next(model.parameters()).flatten().tolist()
        model(torch.randn(4, 2) + distributed.rank())
        sync_buffers(model)
    return first, model[1].running_mean.tolist()


def steps_and_sync() -> tuple[Any, Any]:
    return train_channels_last(), sync()


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return in_workers(2, tmp_path_factory.mktemp("steps"), steps_and_sync)


def test_steps_of_two_workers_are_those_of_one_process_in_any_layout(steps: list[Any]):
    alone: Callable[[], list[float]] = train_channels_last
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        assert steps[0][0] == pytest.approx(alone(), abs=1e-6)
    finally:
        dist.destroy_process_group()
    assert steps[0][0] == steps[1][0]


def test_workers_begin_with_the_first_ones_weights_and_evaluate_with_its_buffers(steps: list[Any]):
    assert steps[0][1] == steps[1][1]
