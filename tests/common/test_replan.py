import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from auto_train.classification.train import train_model
from auto_train.common.optimize import PartSchedule
from auto_train.common.replan import ReplannedSchedule
from auto_train.config import load_config
from auto_train.errors import Interrupted
from auto_train.training.optim.schedule import OneCycle, Schedule
from auto_train.types import Progress
from tests.sharing import put_back
from tests.tiny import tiny_config

EPOCHS, STEPS = 6, 5
SCHEDULES = {
    "one_cycle": lambda: OneCycle([0.1]),
    "cosine": lambda: PartSchedule([0.1], scheduler="cosine"),
    "cosine with warm-up": lambda: PartSchedule([0.1], scheduler="cosine", warmup_epochs=2.5),
    "step": lambda: PartSchedule([0.1], scheduler="step", params={"step_size": 2}),
    "constant with warm-up": lambda: PartSchedule([0.1], warmup_epochs=4),
}


# The schedule alone


def make_optimizer(**settings: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW([{"params": [torch.zeros(1, requires_grad=True)], "part": 0}], **settings)


def rates(schedule: Schedule, optimizer: torch.optim.Optimizer, first_epoch: int = 0) -> Iterator[float]:
    for epoch in range(first_epoch, EPOCHS):
        for step in range(STEPS):
            schedule.before_step((epoch + step / STEPS) / EPOCHS, epoch * STEPS + step)
            yield optimizer.param_groups[0]["lr"]
            optimizer.step()
        schedule.after_epoch(None)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("epochs_done", [0, 1, 3, 5])
def test_schedule_that_begins_in_the_middle_is_where_it_would_have_been(name: str, epochs_done: int):
    optimizer, schedule = make_optimizer(), SCHEDULES[name]()
    schedule.begin(optimizer, epochs=EPOCHS, steps=STEPS)
    expected = list(rates(schedule, optimizer))[epochs_done * STEPS :]

    optimizer, later = make_optimizer(), ReplannedSchedule(SCHEDULES[name](), epochs_done, keeps_rates=False)
    later.begin(optimizer, epochs=EPOCHS, steps=STEPS)
    # What the checkpoint of another schedule leaves in the optimizer.
    optimizer.load_state_dict(make_optimizer(lr=7.0).state_dict())
    later.load_state_dict({"of": "another schedule"})
    assert list(rates(later, optimizer, epochs_done)) == pytest.approx(expected, rel=1e-12)


def test_schedule_that_keeps_its_rates_takes_only_the_other_settings_anew():
    def plateau() -> PartSchedule:
        return PartSchedule([0.1], scheduler="plateau", params={"patience": 0, "factor": 0.5})

    optimizer, schedule = make_optimizer(weight_decay=0.5), plateau()
    schedule.begin(optimizer, epochs=EPOCHS, steps=STEPS)
    for error in (1.0, 2.0, 3.0):
        optimizer.step()
        schedule.after_epoch(error)
    saved, state = optimizer.state_dict(), schedule.state_dict()
    assert saved["param_groups"][0]["lr"] == 0.025

    optimizer, later = make_optimizer(weight_decay=0.25), ReplannedSchedule(plateau(), 3, keeps_rates=True)
    later.begin(optimizer, epochs=EPOCHS, steps=STEPS)
    optimizer.load_state_dict(saved)
    later.load_state_dict(state)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.025, 0.25)
    assert later.state_dict() == state
    later.after_epoch(4.0)
    assert group["lr"] == 0.0125


# Whole trainings


def interrupted(folder: Path, data: Path, *overrides: str) -> Path:
    """Train until the first step of the second epoch is done, and return the run folder."""

    def stop(event: Progress) -> None:
        if event.epoch_ended:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        train_model(tiny_config(folder, data, "training.scheme.monitor=loss", *overrides), progress=stop)
    return (folder / "project/runs/latest").resolve()


def state_of(run: Path, name: str = "last.ckpt") -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "checkpoints" / name, weights_only=True)
    return state


def resume(run: Path, *overrides: str) -> list[str]:
    told: list[str] = []
    config = load_config(run / "config.ini", list(overrides))
    train_model(config, resume=run, progress=lambda event: told.append(event.message))
    return told


@pytest.fixture(scope="module")
def stopped(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a project whose training of 4 epochs was stopped; it was trained in the folder beside it."""
    folder = tmp_path_factory.mktemp("replan") / "here"
    interrupted(folder, digit_files, "training.scheme.epochs=4")
    return folder.rename(folder.with_name("kept"))


@pytest.fixture
def run(stopped: Path) -> Iterator[Path]:
    """Return its run of 4 epochs of 3 batches, stopped after the first batch of the second."""
    folder = stopped.with_name("here")
    with put_back(stopped, folder):
        yield (folder / "project/runs/latest").resolve()


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("training.scheme.weight_decay=0.25", lambda group: group["weight_decay"] == 0.25),
        ("training.scheme.learning_rate=1e-4", lambda group: group["lr"] < 1e-4),
    ],
)
def test_setting_of_the_optimizer_counts_from_the_resume_on(run: Path, override: str, read: Any):
    assert not any(map(read, state_of(run)["optimizer"]["param_groups"]))
    resume(run, override)
    assert any(map(read, state_of(run)["optimizer"]["param_groups"]))
    assert state_of(run)["runner"]["epoch"] == 4


@pytest.mark.parametrize(
    "overrides",
    [
        ["scheduler=cosine"],
        ["scheduler=plateau"],
        ["scheduler=constant", "warmup_epochs=1"],
        ["scheduler=step", "epochs=6"],
        ["batch_size=8"],
        ["batch_size=24", "accumulate=2"],
        ["accumulate=3", "learning_rate=1e-3"],
        ["ema_decay=0.9", "clip_grad=1.0"],
        ["amp=auto", "channels_last=true"],
        ["mixup=0.3", "label_smoothing=0.1", "balance=sampler"],
        ["freeze_epochs=2", "lr_mult=8"],
        ["early_stop=3", "epochs=2"],
    ],
    ids=lambda overrides: ",".join(overrides),
)
def test_run_goes_on_with_every_kind_of_change(run: Path, overrides: list[str]):
    told = resume(run, *[f"training.scheme.{key}" for key in overrides])
    assert sum(text.startswith("  training.scheme.") for text in told) == len(overrides)
    assert (run / "STATUS").read_text() == "done\n"
    assert state_of(run)["runner"]["epoch"] == next((int(key[7:]) for key in overrides if key[:7] == "epochs="), 4)


def test_place_in_the_epoch_is_found_in_batches_of_another_size(run: Path):
    before = state_of(run)
    assert (before["runner"]["iter"], before["loader"]["bs"]) == (1, 16)
    told = resume(run, "training.scheme.batch_size=4", "training.scheme.accumulate=2")
    assert f"Resuming {run}: 1 epoch and 1 batch of the next done; the best so far is epoch 1" in told
    # 52 training images: 3 batches of 16, or 13 of 4 in 7 steps; 16 images are 4 batches, which are 2 steps.
    after = state_of(run)["runner"]
    assert after["step"] - before["runner"]["step"] == (7 - 2) + 2 * 7


def test_finished_run_that_stopped_early_goes_on_with_more_epochs(digit_files: Path, tmp_path: Path):
    # A rate that changes nothing that can be measured: the first epoch stays the best.
    keys = ["epochs=9", "early_stop=2", "learning_rate=1e-8", "optimizer=sgd", "freeze_bn=true", "monitor=loss"]
    config = tiny_config(tmp_path, digit_files, *[f"training.scheme.{key}" for key in keys])
    run = train_model(config).run
    assert state_of(run)["runner"]["epoch"] == 3
    resume(run, "training.scheme.epochs=10")
    assert state_of(run)["runner"]["epoch"] == 5  # two more without improvement
    resume(run, "training.scheme.early_stop=none")
    assert state_of(run)["runner"]["epoch"] == 10


def test_decisions_of_the_run_are_kept(digit_files: Path, tmp_path: Path):
    keys = ["learning_rate=none", "amp=true", "epochs=2"]
    run = interrupted(tmp_path, digit_files, *[f"training.scheme.{key}" for key in keys])
    plan = state_of(run)["plan"]
    told = resume(run)
    assert f"Using learning rate: {plan['learning_rate']:.3g}" in told
    assert plan["precision"] == {"amp": "bfloat16", "channels_last": False, "device": "cpu"}
    assert state_of(run)["plan"] == plan


def test_stop_in_the_last_epoch_leaves_the_rest_to_the_resume(digit_files: Path, tmp_path: Path):
    run = interrupted(tmp_path, digit_files, "training.scheme.epochs=1")
    assert not (run / "bundle").exists() and state_of(run)["runner"]["epoch"] == 1
    assert "No epoch is left to train" in resume(run)
    assert (run / "STATUS").read_text() == "done\n"
