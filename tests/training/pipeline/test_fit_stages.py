"""Stages and step mode through QPipeline (F3.22, F3.24). The loader of step mode has tests of its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from auto_train.errors import UsageError
from tests.training.line import Interrupts, Line, Rates, Stream, checkpoint, last, pipeline, rows, weights


class Staged(Rates):
    """Weigh the loss as the stage says."""

    weight = 1.0

    def on_stage_start(self, stage_idx: int, stage_cfg: Any) -> None:
        self.weight = (stage_cfg.get("loss_weights") or {}).get("all", 1.0)
        self.calls.append((stage_idx, self.weight))


STAGES = [
    {"epochs": 1},
    {"until_epoch": 3, "loss_weights": {"all": 2.0}},
    {"optimizer": "adamw", "optimizer_params": {"lr": 0.01}, "loss_weights": {"all": 3.0}},
]


def test_stages_change_optimizer_and_tell_the_task(tmp_path: Path):
    task = Staged()
    pipe = pipeline(tmp_path, task, optim__stages=STAGES, runner__max_epochs=5)
    pipe.fit()
    assert task.calls == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert task.rates == [0.1] * 12 + [0.01] * 8
    assert [row["stage"] for row in rows(tmp_path)] == ["stage 0", "stage 1", "stage 1", "stage 2", "stage 2"]
    assert "exp_avg" in next(iter(checkpoint(tmp_path)["optimizer"]["state"].values()))


def test_stages_are_re_entered_by_a_resume(tmp_path: Path):
    class Keeps(Staged):
        def onEpochStart(self, epoch: int) -> None:
            if epoch > 1:
                shutil.copy(last(tmp_path), tmp_path / f"{epoch - 1}.ckpt")

    values: dict[str, Any] = {"optim__stages": STAGES, "runner__max_epochs": 5}
    whole = pipeline(tmp_path, Keeps(), **values)
    whole.fit()
    for epoch, entered in ((1, [0, 1, 2]), (2, [1, 2]), (3, [1, 2]), (4, [2])):
        task = Staged()
        resumed = pipeline(tmp_path / str(epoch), task, ckp_file=str(tmp_path / f"{epoch}.ckpt"), **values)
        resumed.fit()
        assert weights(resumed.model) == weights(whole.model), epoch
        assert [stage for stage, _ in task.calls] == entered
        assert task.rates == whole.task.rates[4 * epoch :]  # type: ignore[attr-defined]


def test_stage_that_changes_nothing_of_the_optimizer_goes_on_with_it(tmp_path: Path):
    values: dict[str, Any] = {
        "optim__optimizer": "adamw",
        "optim__scheduler": "cosine",
        "optim__warmup_params": {"warmup_steps": 6},
        "runner__max_epochs": 5,
    }
    one, two = Rates(), Rates()
    whole = pipeline(tmp_path / "one", one, **values)
    whole.fit()
    divided = pipeline(tmp_path / "two", two, optim__stages=[{"epochs": 1}, {"epochs": 1, "own": 1}, {}], **values)
    divided.fit()
    assert two.rates == one.rates and weights(divided.model) == weights(whole.model)


def test_stages_that_are_wrong_are_refused_before_the_training(tmp_path: Path):
    stages = [{"epochs": 1}, {"optimizer": "sgdd"}]
    with pytest.raises(UsageError, match=r"optim.stages\[1\].optimizer: 'sgdd' is not known"):
        pipeline(tmp_path, optim__stages=stages)


# Step mode


def test_step_mode_counts_optimizer_steps(tmp_path: Path):
    values = {"runner__run_mode": "step", "runner__max_epochs": None, "runner__eval_interval": 3}
    result = pipeline(tmp_path, runner__max_steps=10, **values).fit()
    assert (result["final_step"], result["final_epoch"], result["terminal_reason"]) == (10, 3, "max_steps")
    # Evaluated after 3, 6, 9 and 10 steps; a pass has 4.
    best = [1, 2, 3, 3][checkpoint(tmp_path, "best")["runner"]["epoch"] - 1]
    assert result["best_epoch"] == best <= result["final_epoch"]
    assert len(rows(tmp_path)) == 4 and all("valid/mae" in row for row in rows(tmp_path))


@pytest.mark.parametrize(
    ("runner", "kept"),
    [
        ({}, []),
        ({"checkpoint": {"regular_latest_only": False}}, ["epoch_1", "epoch_2", "epoch_3", "epoch_4", "epoch_5"]),
        ({"checkpoint": {"regular_latest_only": False}, "save_interval": 2}, ["epoch_2", "epoch_4"]),
        ({"run_mode": "step", "max_steps": 7, "eval_interval": 3, "save_interval": 2}, []),
        (
            {"run_mode": "step", "max_steps": 7, "eval_interval": 3, "save_interval": 2, "accum_grad": 2}
            | {"checkpoint": {"regular_latest_only": False}},
            ["step_2", "step_4", "step_6"],
        ),
        (
            {"run_mode": "step", "max_steps": 7, "eval_interval": 3, "checkpoint": {"regular_latest_only": False}},
            ["epoch_1", "epoch_2", "epoch_3"],
        ),
    ],
)
def test_regular_checkpoints_are_kept_where_asked_for(tmp_path: Path, runner: dict[str, Any], kept: list[str]):
    values = {f"runner__{key}": value for key, value in ({"max_epochs": 5} | runner).items()}
    pipeline(tmp_path, **values).fit()
    names = sorted(path.stem for path in (tmp_path / "logs/checkpoints").iterdir())
    assert names == sorted(["best", "last", *kept])
    for name in kept:
        number, state = int(name.partition("_")[2]), checkpoint(tmp_path, name)["runner"]
        assert state["epoch" if name.startswith("epoch") else "step"] == number


def test_step_mode_saves_at_steps_between_two_evaluations_and_goes_on_from_there(tmp_path: Path):
    values = {"runner__run_mode": "step", "runner__max_steps": 12, "runner__eval_interval": 6}
    keeps = {"runner__save_interval": 4, "runner__checkpoint": {"regular_latest_only": False}}
    whole = pipeline(tmp_path / "whole", **values, **keeps)
    whole.fit()
    kept = tmp_path / "whole/logs/checkpoints/step_8.ckpt"
    rest = pipeline(tmp_path / "rest", **values, ckp_file=str(kept))
    rest.fit()
    assert weights(rest.model) == weights(whole.model)
    assert rest.runner.steps_done == 12


def test_checkpoint_that_was_kept_brings_its_own_best_back(tmp_path: Path):
    """The best of the first epochs, not that of a later one which is given up."""
    values = {"runner__checkpoint": {"regular_latest_only": False}, "runner__max_epochs": 4}
    folder = tmp_path / "logs/checkpoints"
    pipeline(tmp_path, Line([2.0, 3.0, 4.0, 1.0]), **values).fit()
    assert checkpoint(tmp_path, "best")["runner"]["epoch"] == 4
    third = pipeline(tmp_path, Line([5.0]), ckp_file=str(folder / "epoch_3.ckpt"), **values)
    assert third.fit()["best_epoch"] == checkpoint(tmp_path, "best")["runner"]["epoch"] == 1
    kept = [f"epoch_{number}" for number in (1, 2, 3, 4)]
    assert sorted(path.stem for path in folder.iterdir()) == ["best", *kept, "last"]
    # without the file of the best epoch there is none so far
    (folder / "epoch_1.ckpt").unlink()
    (folder / "best.ckpt").unlink()
    second = pipeline(tmp_path, Line([6.0, 5.0]), ckp_file=str(folder / "epoch_2.ckpt"), **values)
    assert second.fit()["best_epoch"] == checkpoint(tmp_path, "best")["runner"]["epoch"] == 4


def test_new_training_in_the_folder_leaves_no_checkpoint_of_the_one_before(tmp_path: Path):
    values = {"runner__checkpoint": {"regular_latest_only": False}}
    pipeline(tmp_path, **values, runner__max_epochs=3).fit()
    pipeline(tmp_path, **values, runner__max_epochs=1).fit()
    names = sorted(path.stem for path in (tmp_path / "logs/checkpoints").iterdir())
    assert names == ["best", "epoch_1", "last"]


def test_step_mode_infers_its_steps_from_epochs(tmp_path: Path):
    # ceil(4 / 3) · 5, the second step of each epoch with one batch
    values = {"runner__run_mode": "step", "runner__accum_grad": 3, "runner__eval_interval": 4}
    result = pipeline(tmp_path, runner__max_epochs=5, **values).fit()
    assert (result["final_step"], result["final_epoch"]) == (10, 5)


@pytest.mark.parametrize(
    ("steps", "epochs", "final", "reason"), [(6, 9, 6, "max_steps"), (99, 2, 8, "max_epochs"), (8, 2, 8, "max_steps")]
)
def test_step_mode_ends_with_what_comes_first(tmp_path: Path, steps: int, epochs: int, final: int, reason: str):
    values = {"runner__run_mode": "step", "runner__max_steps": steps, "runner__max_epochs": epochs}
    result = pipeline(tmp_path, **values).fit()
    assert (result["final_step"], result["terminal_reason"]) == (final, reason)


def test_step_mode_of_a_loader_without_length_needs_max_steps(tmp_path: Path):
    task = Line()
    task.train_loader = Stream()
    values = {"runner__run_mode": "step", "runner__max_epochs": 2}
    with pytest.raises(ValueError, match=r"runner.max_steps: the training loader has no length.*\n  give max_steps"):
        pipeline(tmp_path, task, **values).fit()
    result = pipeline(tmp_path, task, runner__max_steps=99, **values).fit()
    assert (result["final_step"], result["final_epoch"], result["terminal_reason"]) == (8, 2, "max_epochs")
    assert pipeline(tmp_path, task, **{**values, "runner__max_epochs": None}, runner__max_steps=7).fit()[
        "final_step"
    ] == (7)


def test_step_mode_is_the_same_training_as_epochs(tmp_path: Path):
    values: dict[str, Any] = {
        "optim__scheduler": "step",
        "optim__scheduler_params": {"step_size": 1, "gamma": 0.5},
        "optim__warmup_params": {"warmup_epochs": 1},
    }
    # not shuffled: evaluations draw from the random generators too, and come at other times
    by_epochs, by_steps = Rates(shuffle=False), Rates(shuffle=False)
    one = pipeline(tmp_path / "epochs", by_epochs, **values)
    one.fit()
    values |= {"runner__run_mode": "step", "runner__max_steps": 12, "runner__eval_interval": 5}
    two = pipeline(tmp_path / "steps", by_steps, runner__max_epochs=None, **values)
    two.fit()
    assert by_steps.rates == by_epochs.rates and len(by_steps.rates) == 12
    assert weights(two.model) == weights(one.model)


def test_step_mode_plateau_follows_every_evaluation(tmp_path: Path):
    task = Rates(errors=[1.0] * 9)
    plateau = {"optim__scheduler": "plateau", "optim__scheduler_params": {"factor": 0.5, "patience": 0}}
    step_mode = {"runner__run_mode": "step", "runner__max_steps": 8, "runner__eval_interval": 2}
    pipeline(tmp_path, task, runner__max_epochs=None, **plateau, **step_mode).fit()
    assert task.rates == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_step_mode_resumes_in_the_middle_of_a_pass(tmp_path: Path):
    values = {
        "optim__optimizer": "adamw",
        "optim__scheduler": "cosine",
        "runner__run_mode": "step",
        "runner__eval_interval": 3,
        "runner__accum_grad": 3,
        "runner__max_epochs": 5,
    }
    whole_task, second = Rates(), Rates()
    whole = pipeline(tmp_path / "whole", whole_task, **values)
    whole.fit()

    class Stops(Interrupts):
        """6 batches are 2 passes, less 2 batches: 1 step of the first interval is missing."""

    stopped = pipeline(tmp_path, Stops(), **values).fit()
    assert (stopped["terminal_reason"], stopped["final_step"]) == ("interrupt", 3)
    resumed = pipeline(tmp_path, second, ckp_file=last(tmp_path), **values)
    assert resumed.fit() == whole.result
    assert second.rates == whole_task.rates[-len(second.rates) :] and weights(resumed.model) == weights(whole.model)


def test_step_mode_that_ran_out_of_passes_goes_on_with_more_of_them_only(tmp_path: Path):
    values = {"runner__run_mode": "step", "runner__max_steps": 99, "runner__eval_interval": 5}

    def fit(passes: int, **more: Any) -> dict[str, Any]:
        task = Line()
        task.train_loader = Stream()
        return pipeline(tmp_path, task, runner__max_epochs=passes, **values, **more).fit()

    ended = fit(2)
    assert (ended["final_step"], ended["terminal_reason"], len(rows(tmp_path))) == (8, "max_epochs", 2)
    assert fit(2, ckp_file=last(tmp_path)) == ended and len(rows(tmp_path)) == 2
    more = fit(3, ckp_file=last(tmp_path))
    assert (more["final_step"], more["final_epoch"], more["terminal_reason"]) == (12, 3, "max_epochs")


def test_step_mode_takes_stages(tmp_path: Path):
    task = Staged()
    values = {"runner__run_mode": "step", "runner__max_steps": 18, "runner__eval_interval": 4}
    pipeline(tmp_path, task, optim__stages=STAGES, runner__max_epochs=None, **values).fit()
    assert task.rates == [0.1] * 12 + [0.01] * 6 and [stage for stage, _ in task.calls] == [0, 1, 2]
    assert [row["stage"][-1] for row in rows(tmp_path)] == list("01122")


def test_stages_of_a_loader_without_length_are_refused(tmp_path: Path):
    task = Line()
    task.train_loader = Stream()
    values = {"runner__run_mode": "step", "runner__max_steps": 18, "runner__max_epochs": None}
    with pytest.raises(UsageError, match=r"optim.stages: the training loader has no length, and stages are as long"):
        pipeline(tmp_path, task, optim__stages=STAGES, **values).fit()
    with pytest.raises(UsageError, match=r"optim.scheduler_params.T_max: the training loader has no length"):
        pipeline(tmp_path, task, optim__scheduler="cosine", **values).fit()
