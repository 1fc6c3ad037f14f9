"""Optimizer steps that three workers divide, compared with the same optimizer in a process alone."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from auto_train.training.workers import distributed
from auto_train.training.workers.divided_step import divide_step
from tests.training.workers.spawned import in_workers

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="memory is shared on Linux only")

Optimizer = torch.optim.Optimizer
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1, weight_decay=0.1, fused=True),
    "adam with the largest squares": lambda groups: torch.optim.Adam(groups, lr=0.1, amsgrad=True),
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1),
    "sgd with momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.1, momentum=0.9, centered=True),
}
STEPS = 6


class Net(nn.Module):
    """Weights of several sizes and layouts; ``late`` has no gradient in the first steps, ``idle`` never."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        self.turned = nn.Parameter(torch.randn(5, 7).t())
        self.late, self.idle = nn.Linear(4, 3), nn.Linear(4, 3)
        self.exact = nn.Parameter(torch.randn(3, dtype=torch.float64))


def train(name: str, divide: bool) -> dict[str, Any]:
    """Return weights and optimizer state after some steps; in the middle the state is loaded from its copy."""
    model = Net()
    weights = dict(model.named_parameters())
    rates = [{"params": [weights["conv.weight"], weights["late.weight"]], "lr": 0.01}]
    optimizer = OPTIMIZERS[name]([*rates, {"params": [w for n, w in weights.items() if n[-6:] != "weight"]}])
    with divide_step(optimizer) as divided:
        assert (divided is not None) == divide
        for step in range(STEPS):
            set_gradients(weights, step)
            distributed.barrier()  # as the sum of gradients is one
            before = {name: weight.grad for name, weight in weights.items()}
            if step == 4:
                optimizer.load_state_dict(copied(optimizer.state_dict()))
            if divided:
                divided.step()
            else:
                optimizer.step()
            assert all(weight.grad is before[name] for name, weight in weights.items())
    state = optimizer.state_dict()["state"]
    found, kept = plain(weights), plain(state)
    for tensors in state.values():  # from here on it is this worker's own
        for tensor in filter(torch.is_tensor, tensors.values()):
            tensor.fill_(distributed.rank())
    distributed.barrier()
    is_own = all((t == distributed.rank()).all() for s in state.values() for t in s.values() if torch.is_tensor(t))
    return {"weights": found, "state": kept, "is_own": is_own}


def set_gradients(weights: dict[str, nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for name, weight in weights.items():
        noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        is_there = not name.startswith("idle") and (step > 1 or not name.startswith("late"))
        weight.grad = torch.empty_like(weight).copy_(noise) if is_there else None


def copied(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list):
        return [copied(value) for value in state]
    return state.clone() if isinstance(state, torch.Tensor) else state


def plain(state: Any) -> Any:
    """Return tensors as numbers, which keeps every bit."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, torch.Tensor) else state


def train_all() -> dict[str, Any]:
    return {name: train(name, divide=True) for name in OPTIMIZERS} | {"other kinds": other_kinds(), "few": few()}


def few() -> list[list[float]]:
    """Step a single weight, which one worker owns; then load the state from itself, and step on."""
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    found = []
    with divide_step(optimizer) as divided:
        assert divided
        for step in range(4):
            if step == 3:
                optimizer.load_state_dict(optimizer.state_dict())
            weight.grad = torch.ones(2)
            distributed.barrier()
            divided.step()
            found.append(weight.tolist())
    return found


def other_kinds() -> list[Any]:
    """Ask for what cannot be divided: an optimizer that looks at all weights at once, memory that one cannot open."""
    weight = nn.Parameter(torch.zeros(3))
    with divide_step(torch.optim.LBFGS([weight])) as lbfgs, pytest.MonkeyPatch.context() as patch:
        if distributed.rank() == 1:
            patch.setattr(torch, "from_file", refuse)
        with divide_step(torch.optim.SGD([weight])) as without:
            pass
    return [lbfgs, without, state_without_room()]


def state_without_room() -> list[float]:
    """Return the weight after two steps whose state one worker cannot map."""
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    with divide_step(optimizer) as divided, pytest.MonkeyPatch.context() as patch:
        assert divided
        if distributed.rank() == 1:
            patch.setattr(torch, "from_file", refuse)
        for _ in range(2):
            weight.grad = torch.ones(2)
            distributed.barrier()
            divided.step()
    return weight.tolist()


def refuse(*args: Any, **options: Any) -> Any:
    raise RuntimeError("unable to open file")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return in_workers(3, tmp_path_factory.mktemp("divided"), train_all)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_divided_steps_end_with_the_weights_and_state_of_one_process_bit_for_bit(
    results: list[dict[str, Any]], name: str
):
    alone = train(name, divide=False)
    assert alone["weights"]["idle.bias"] == Net().idle.bias.tolist()
    for worker in results:
        assert worker[name]["weights"] == alone["weights"]
        assert worker[name]["state"] == alone["state"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_belongs_to_each_worker_again_when_the_block_ends(results: list[dict[str, Any]], name: str):
    assert all(worker[name]["is_own"] for worker in results)


def test_weight_of_one_worker_moves_in_all_also_after_its_own_state_was_loaded(results: list[dict[str, Any]]):
    # by the momentum: 1, then 1.5, 1.75 and 1.875
    expected = [[0.0, 0.0], [-1.5, -1.5], [-3.25, -3.25], [-5.125, -5.125]]
    assert [worker["few"] for worker in results] == [expected] * 3


def test_optimizer_that_looks_at_all_weights_and_workers_without_shared_memory_do_not_divide(
    results: list[dict[str, Any]],
):
    assert [worker["other kinds"][:2] for worker in results] == [[None, None]] * 3


def test_state_that_a_worker_cannot_see_is_stepped_by_every_worker(results: list[dict[str, Any]]):
    # the weight is 1, the first step takes 1 from it, the second 0.5 of that and 1 more
    assert [worker["other kinds"][2] for worker in results] == [[-1.5, -1.5]] * 3
