"""What stages inherit from the arguments (F3.22). Whole trainings with stages: test_fit.py."""

from typing import Any

import pytest
import torch
from torch import nn

from auto_train.errors import UsageError
from auto_train.training.optim.schedule import Constant
from auto_train.training.optim.torch_schedule import TorchSchedule
from auto_train.training.pipeline.plan import StageOptim, as_schedule, plan_stages, stage_arguments
from auto_train.training.pipeline.qdict import qDict

OPTIM = {
    "loss": "mse",
    "optimizer": "adamw",
    "optimizer_params": {"lr": 0.1, "betas": [0.8, 0.9]},
    "scheduler": "step",
    "scheduler_params": {"step_size": 2, "gamma": 0.5},
    "warmup_params": {"warmup_steps": 3},
}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {}),
        ({"epochs": 3, "loss_weights": {"a": 1}}, {}),
        ({"optimizer_params": {"lr": 0.2}}, {"optimizer_params": {"lr": 0.2, "betas": [0.8, 0.9]}}),
        (
            {"optimizer": "adamw", "optimizer_params": {"lr": 0.3}},
            {"optimizer_params": {"lr": 0.3, "betas": [0.8, 0.9]}},
        ),
        ({"optimizer": "sgd"}, {"optimizer": "sgd", "optimizer_params": {"lr": 0.1}}),
        (
            {"optimizer": "sgd", "optimizer_params": {"momentum": 0.9}},
            {"optimizer": "sgd", "optimizer_params": {"lr": 0.1, "momentum": 0.9}},
        ),
        ({"scheduler_params": {"gamma": 0.1}}, {"scheduler_params": {"step_size": 2, "gamma": 0.1}}),
        ({"scheduler": "cosine"}, {"scheduler": "cosine", "scheduler_params": {}}),
        ({"scheduler": None}, {"scheduler": None, "scheduler_params": {}}),
        ({"warmup_params": None}, {"warmup_params": None}),
        ({"groups": [{"pattern": "x"}]}, {"groups": [{"pattern": "x"}]}),
    ],
)
def test_stage_has_what_it_says_and_inherits_the_rest(own: dict[str, Any], expected: dict[str, Any]):
    args = qDict({"optim": OPTIM, "seed": 1})
    assert stage_arguments(args, own) == {"optim": {**OPTIM, **expected}, "seed": 1}
    assert args.optim == OPTIM


def stages(*given: dict[str, Any], **runner: Any) -> list[Any]:
    args = qDict({"optim": {**OPTIM, "stages": list(given) or None}, "runner": runner})
    return plan_stages(
        args, lambda args, model: (torch.optim.SGD(model.parameters(), args.optim.optimizer_params.lr), None)
    )


def test_training_without_stages_is_one():
    (only,) = stages(max_epochs=3)
    assert (only.name, only.epochs, only.keeps_optimizer, dict(only.settings)) == ("stage 0", 3, False, {})


def test_stages_have_the_length_the_name_and_the_settings_they_say():
    first, second = stages({"epochs": 2, "name": "warm", "own": 1}, {"optimizer": "sgd"}, max_epochs=5)
    assert (first.name, first.epochs, first.settings["own"]) == ("warm", 2, 1)
    assert (second.name, second.epochs) == ("stage 1", 3)


def test_stages_share_the_optimizer_until_one_brings_its_own():
    found = stages({"epochs": 1}, {"epochs": 2}, {"epochs": 3, "optimizer_params": {"lr": 0.5}}, {"epochs": 4})
    assert [stage.keeps_optimizer for stage in found] == [False, True, False, True]
    assert found[0].schedule is found[1].schedule and found[2].schedule is found[3].schedule
    assert [found[0].schedule.epochs, found[2].schedule.epochs] == [3, 7]
    model = nn.Linear(1, 1)
    assert [stage.optimizer(model).param_groups[0]["lr"] for stage in found] == [0.1, 0.1, 0.5, 0.5]


def test_stage_optim_takes_what_is_ready_once():
    model, made = nn.Linear(1, 1), []

    def prepare(model: nn.Module) -> Any:
        made.append(torch.optim.SGD(model.parameters()))
        return made[-1], None

    ready = torch.optim.SGD(model.parameters())
    optim = StageOptim(prepare, 1, ready=(ready, None))
    assert optim.make(model) is ready and optim.make(model) is made[0]


def test_schedule_may_be_given_in_several_forms():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    own = TorchSchedule()
    assert isinstance(as_schedule(None), Constant) and as_schedule(own) is own
    wrapped = as_schedule(torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5))
    wrapped.begin(optimizer, epochs=2, steps=1)
    wrapped.before_step(0.0, 0)
    optimizer.step()
    wrapped.after_epoch(None)
    assert optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(UsageError, match="prepare_optim returned a scheduler of type int"):
        as_schedule(3)
