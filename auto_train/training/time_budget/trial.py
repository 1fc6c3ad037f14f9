"""What a batch will cost once the whole model trains: a few steps tried while the backbone is still frozen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from auto_train.training.precision import Precision
from auto_train.training.rng import find_generators, get_rng_state, set_rng_state
from auto_train.training.task import check_loss

if TYPE_CHECKING:
    from auto_train.training.learner import Learner

# Rounds that count, after a first one in which kernels are chosen and memory is taken.
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class StepCosts:
    """Seconds of computing a batch.

    Attributes:
        frozen_s: as the running stage trains.
        unfrozen_s: with all layers training.
        evaluation_s: without training.
    """

    frozen_s: float
    unfrozen_s: float
    evaluation_s: float


def time_steps(learn: "Learner", *, clock: Callable[[], float], at_most_s: float) -> StepCosts:
    """Time the running batch, frozen, unfrozen and evaluated in turns; nothing of the training changes.

    Args:
        at_most_s: begin no further round after so many seconds, once one counts: the first may take ten times as long.
    """
    frozen = [parameter.requires_grad for parameter in learn.model.parameters()]
    trained = {id(parameter) for parameter in learn.freezer.trained}
    unfrozen = [id(parameter) in trained for parameter in learn.model.parameters()]
    began, rounds = clock(), list[tuple[float, float, float]]()
    with _unchanged(learn):
        while len(rounds) <= ROUNDS and (len(rounds) < 2 or clock() - began < at_most_s):
            seconds = [_seconds(learn, clock, partial(_step, learn, flags)) for flags in (frozen, unfrozen)]
            rounds.append((seconds[0], seconds[1], _seconds(learn, clock, partial(_evaluate, learn))))
    usual = [median(column) for column in zip(*rounds[1:], strict=True)]
    return StepCosts(frozen_s=usual[0], unfrozen_s=usual[1], evaluation_s=usual[2])


@contextmanager
def _unchanged(learn: "Learner") -> Iterator[None]:
    """Put back what steps without an optimizer change: statistics, gradients, random streams, and what is frozen."""
    model, own = learn.model, find_generators(learn.dls.train)
    flags = [(parameter, parameter.requires_grad, parameter.grad) for parameter in model.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    streams = get_rng_state(*own)
    for parameter, _, _ in flags:
        parameter.grad = None  # what is there is not added to
    try:
        yield
    finally:
        for parameter, requires_grad, gradient in flags:
            parameter.requires_grad_(requires_grad)
            parameter.grad = gradient
        for buffer, kept in buffers:
            buffer.copy_(kept)
        for module, is_training in modes:
            module.training = is_training
        set_rng_state(streams, *own)


def _seconds(learn: "Learner", clock: Callable[[], float], compute: Callable[[], Any]) -> float:
    began = clock()
    compute()
    if learn.device.type == "cuda":
        torch.cuda.synchronize(learn.device)
    return clock() - began


def _step(learn: "Learner", requires_grad: list[bool]) -> None:
    """Compute the gradients of the running batch."""
    for parameter, is_trained in zip(learn.model.parameters(), requires_grad, strict=True):
        parameter.requires_grad_(is_trained)
    with learn.precision.autocast(learn.batch_device):
        out = learn.task.batch_forward(learn.model, learn.batch)
    check_loss(learn.task, learn.batch_loss(out, learn.batch)).backward()
    for parameter in learn.model.parameters():
        parameter.grad = None


def _evaluate(learn: "Learner") -> None:
    modes = [(module, module.training) for module in learn.model.modules()]
    learn.model.eval()
    with torch.no_grad(), Precision().autocast(learn.batch_device):
        learn.task.batch_forward(learn.model, learn.batch)
    for module, is_training in modes:
        module.training = is_training
