import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from auto_train.training.optim.stages import Stage
from auto_train.training.time_budget.trial import ROUNDS, StepCosts, time_steps
from tests.training.conftest import Points

Make = Callable[..., Any]


class Counting(Points):
    """Draws random numbers, and moves a clock on by what a batch would cost."""

    now = 0.0

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        is_frozen = not next(model.parameters()).requires_grad
        self.now += (0.25 if is_frozen else 1.0) if model.training else 0.5
        random.random(), np.random.rand(), torch.rand(1)
        return super().batch_forward(model, batch)


def everything(learn: Any) -> list[Any]:
    """Return all that a trial must leave as it was."""
    model, optimizer = learn.model, learn.opt.opt.state_dict()
    return [
        {name: value.clone() for name, value in model.state_dict().items()},
        [(p.requires_grad, p.grad is None) for p in model.parameters()],
        [module.training for module in model.modules()],
        str(optimizer),
        (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
    ]


@pytest.mark.parametrize(("at_most_s", "rounds"), [(100.0, ROUNDS + 1), (0.0, 2)])
def test_trial_tells_what_frozen_and_unfrozen_steps_cost_and_changes_nothing(
    make_learner: Make, at_most_s: float, rounds: int
):
    task, seen = Counting(), list[tuple[StepCosts, float]]()
    learn = make_learner(task=task)

    def try_steps(batch: Any) -> None:
        if learn.steps_done == 1:
            learn.batch = batch
            before, began = everything(learn), task.now
            costs = time_steps(learn, clock=lambda: task.now, at_most_s=at_most_s)
            seen.append((costs, task.now - began))
            for old, new in zip(before, everything(learn), strict=True):
                torch.testing.assert_close(old, new, rtol=0, atol=0) if isinstance(old, dict) else None
                assert isinstance(old, dict) or old == new

    learn.listeners.on("onBatchStart", lambda batch: learn.model.training and try_steps(batch))
    learn.fit_stages([Stage(name="frozen", epochs=1, frozen=True)])
    ((costs, took_s),) = seen
    assert costs == StepCosts(frozen_s=0.25, unfrozen_s=1.0, evaluation_s=0.5)
    assert took_s == rounds * 1.75
