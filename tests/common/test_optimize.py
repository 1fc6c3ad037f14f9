import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from auto_train.classification.train import train_model
from auto_train.common.optimize import create_optimizer, plan_stages
from auto_train.config import Config
from auto_train.errors import ConfigError
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import parameter_groups
from tests.tiny import tiny_config


@pytest.fixture
def config(tmp_path: Path) -> Any:
    def make(*overrides: str) -> Config:
        return tiny_config(tmp_path, "builtin:digits", *(f"training.scheme.{text}" for text in overrides))

    return make


def groups() -> list[dict[str, Any]]:
    return parameter_groups([list(nn.Linear(2, 2).parameters()), list(nn.Linear(2, 3).parameters())], 0.1)


def rates_of(schedule: Any, *, epochs: int, steps: int) -> list[float]:
    """Return the head's rate in every step."""
    optimizer = torch.optim.SGD(groups(), lr=1.0)
    schedule.begin(optimizer, epochs=epochs, steps=steps)
    rates = []
    for epoch in range(epochs):
        for step in range(steps):
            number = epoch * steps + step
            schedule.before_step(number / (epochs * steps), number)
            optimizer.step()
            rates.append(round(optimizer.param_groups[-1]["lr"], 6))
        schedule.after_epoch(1.0)
    return rates


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_optimizer_is_the_one_the_config_names(config: Any, name: str, kind: type):
    made = create_optimizer(config(f"optimizer={name}"))(groups())
    assert type(made) is kind
    # weights are decayed, biases are not
    assert [group["weight_decay"] for group in made.param_groups] == [0.1, 0.0] * 2


def test_optimizer_params_go_to_the_optimizer(config: Any):
    made = create_optimizer(config("optimizer=sgd", "optimizer_params.momentum=0.5", "optimizer_params.nesterov=true"))
    assert made(groups()).defaults["momentum"] == 0.5 and made(groups()).defaults["nesterov"] is True
    made = create_optimizer(config("optimizer_params.betas=[0.8, 0.9]"))
    assert made(groups()).defaults["betas"] == (0.8, 0.9)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("optimizer_params.momentun=0.5", r"momentun: adamw takes no argument 'momentun'"),
        ("optimizer_params.eps=-1", r"eps: '-1' is out of range"),
    ],
)
def test_optimizer_params_it_does_not_take_are_refused(config: Any, params: str, message: str):
    with pytest.raises(ConfigError, match=rf"training\.scheme\.optimizer_params\.{message}"):
        config(params)


def test_stages_of_the_defaults_are_fastais_fine_tune(config: Any):
    frozen, rest = plan_stages(config("epochs=4"), 0.01, is_pretrained=True)
    assert (frozen.name, frozen.epochs, frozen.frozen) == ("frozen", 1, True)
    assert (rest.name, rest.epochs, rest.frozen) == ("unfrozen", 4, False)
    assert isinstance(rest.schedule, OneCycle) and rest.schedule.rates == [0.005 / 4, 0.005]


def test_stages_of_cosine_fall_once_an_epoch(config: Any):
    _, rest = plan_stages(config("scheduler=cosine", "epochs=4"), 0.4, is_pretrained=False)
    # Half a cosine over 4 epochs: 0.4 · (1 + cos(π·e/4)) / 2
    assert rates_of(rest.schedule, epochs=4, steps=2) == pytest.approx(
        [0.4, 0.4, 0.341421, 0.341421, 0.2, 0.2, 0.058579, 0.058579]
    )


def test_stages_of_a_warm_up_rise_step_by_step(config: Any):
    _, rest = plan_stages(config("scheduler=constant", "warmup_epochs=1", "epochs=2"), 1.0, is_pretrained=False)
    # From a tenth in four steps: 0.1 + 0.9 · s/4
    assert rates_of(rest.schedule, epochs=2, steps=4) == pytest.approx([0.1, 0.325, 0.55, 0.775, 1, 1, 1, 1])


def test_stages_of_step_have_three_by_default(config: Any):
    _, rest = plan_stages(config("scheduler=step", "epochs=6"), 1.0, is_pretrained=False)
    assert rates_of(rest.schedule, epochs=6, steps=1) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    params = ("scheduler_params.step_size=1", "scheduler_params.gamma=0.5")
    _, rest = plan_stages(config("scheduler=step", "epochs=3", *params), 1.0, is_pretrained=False)
    assert rates_of(rest.schedule, epochs=3, steps=1) == pytest.approx([1, 0.5, 0.25])


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [("cosine", [0.5 * (1 + math.cos(math.pi * n / 12)) for n in range(12)]), ("step", [1, 0.1, 0.01])],
)
def test_stages_of_a_time_budget_fall_by_the_share_that_is_used(tmp_path: Path, scheduler: str, expected: list[float]):
    overrides = [f"training.scheme.scheduler={scheduler}", "training.minutes=1", "training.scheme.epochs=999"]
    config = tiny_config(tmp_path, "builtin:digits", *overrides)
    _, stage = plan_stages(config, 1.0, is_pretrained=False)
    found = rates_of(stage.schedule, epochs=3, steps=4)
    assert found == pytest.approx(
        expected if len(expected) == 12 else [e for e in expected for _ in range(4)], abs=1e-6
    )
    config = tiny_config(tmp_path, "builtin:digits", *overrides, "training.scheme.warmup_epochs=1")
    _, stage = plan_stages(config, 1.0, is_pretrained=False)
    warm = rates_of(stage.schedule, epochs=4, steps=4)
    assert warm[:4] == pytest.approx([0.1, 0.325, 0.55, 0.775]) and warm[4] > 0.95 and warm[-1] < 0.06


@pytest.mark.parametrize("key", ["warmup_epochs=9", "scheduler_params.eta_min=1e-4"])
def test_stages_of_a_time_budget_end_low_whatever_the_warm_up_and_the_least_rate(tmp_path: Path, key: str):
    overrides = ["training.scheme.scheduler=cosine", "training.minutes=1", f"training.scheme.{key}"]
    _, stage = plan_stages(tiny_config(tmp_path, "builtin:digits", *overrides), 1.0, is_pretrained=False)
    rates = rates_of(stage.schedule, epochs=1, steps=60)  # of which the warm-up may take a third
    assert 0.95 < max(rates) <= 1 and rates[-1] < 0.01 and rates[30:] == sorted(rates[30:], reverse=True)
    stage.schedule.before_step(1.0, 60)
    assert stage.schedule.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4 if "eta_min" in key else 0.0)


def test_stages_of_plateau_fall_when_nothing_improves(config: Any):
    params = ("scheduler_params.patience=1", "scheduler_params.factor=0.5")
    _, rest = plan_stages(config("scheduler=plateau", "epochs=5", *params), 1.0, is_pretrained=False)
    # Errors of 1.0 throughout: the first sets the reference, the second is forgiven, the third halves the rate.
    assert rates_of(rest.schedule, epochs=5, steps=1) == pytest.approx([1, 1, 1, 0.5, 0.5])


def test_stages_of_a_pretrained_backbone_keep_it_slower(config: Any):
    frozen, rest = plan_stages(config("scheduler=cosine"), 0.4, is_pretrained=True)
    for stage, body in ((frozen, 0.04), (rest, 0.1)):
        optimizer = torch.optim.SGD(groups(), lr=1.0)
        stage.schedule.begin(optimizer, epochs=2, steps=2)
        assert [group["lr"] for group in optimizer.param_groups] == [body, body, 0.4, 0.4]


def test_scheduler_params_it_does_not_take_are_refused(config: Any):
    with pytest.raises(ConfigError, match=r"scheduler_params\.tmax: cosine takes no argument 'tmax'.*T_max"):
        config("scheduler=cosine", "scheduler_params.tmax=3")


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizer=sgd", "scheduler=cosine", "warmup_epochs=0.5", "learning_rate=0.05"],
        ["optimizer=rmsprop", "scheduler=plateau", "learning_rate=1e-3"],
        ["ema_decay=0.5", "learning_rate=5e-3"],
    ],
)
def test_training_with_other_optimizers_and_schedules_learns(tmp_path: Path, digit_files: Path, overrides: list[str]):
    keys = [f"training.scheme.{text}" for text in ("epochs=9", "batch_size=8", *overrides)]
    result = train_model(tiny_config(tmp_path, digit_files, *keys))
    # three classes: guessing gives a third
    assert result.metrics["valid/accuracy"] > 0.6
