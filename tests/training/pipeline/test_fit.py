"""Training through QPipeline: what the arguments of F3.14 to F3.24 do. Numbers are worked out by hand."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from loguru import logger
from torch import nn
from torch.utils.data import DataLoader

from auto_train.errors import TaskContractError, TrainingError, UsageError
from auto_train.training import QPipeline
from auto_train.training.optim.optimizers import build_optimizer
from tests.training.line import (
    Interrupts,
    Line,
    Rates,
    arguments,
    checkpoint,
    data,
    last,
    line_model,
    pipeline,
    rows,
    weights,
)


def test_fit_learns_and_tells_how_it_ended(tmp_path: Path):
    pipe = pipeline(tmp_path, runner__max_epochs=40)
    result = pipe.fit()
    # y = 3x - 1
    assert weights(pipe.model) == pytest.approx([3.0, -1.0], abs=0.01)
    assert result == pipe.result
    assert result.pop("best_monitored_metric") == pytest.approx(0.0, abs=0.01)
    assert result.pop("best_epoch") > 30
    assert result == {
        "final_epoch": 40,
        "final_step": 160,
        "early_stopped": False,
        "terminal_reason": "max_epochs",
    }
    assert [row["epoch"] for row in rows(tmp_path)] == list(range(1, 41))


def test_fit_takes_any_iterable_of_batches(tmp_path: Path):
    task = Line()
    task.train_loader, task.val_loader = list(task.train_loader), tuple(task.val_loader)
    assert pipeline(tmp_path, task).fit()["final_step"] == 12


def test_fit_without_training_data_is_refused(tmp_path: Path):
    task = Line()
    task.train_loader = None
    with pytest.raises(TaskContractError, match=r"Line has no train_loader\n  set self.train_loader in its __init__"):
        pipeline(tmp_path, task).fit()


def test_fit_twice_is_refused(tmp_path: Path):
    pipe = pipeline(tmp_path, runner__max_epochs=1)
    pipe.fit()
    with pytest.raises(RuntimeError, match=r"this pipeline has been trained\n  make another, with ckp_file to go on"):
        pipe.fit()


def test_fit_without_validation_data_has_no_best_epoch(tmp_path: Path):
    task = Line()
    task.val_loader = None
    result = pipeline(tmp_path, task).fit()
    assert (result["best_epoch"], result["best_monitored_metric"], result["final_epoch"]) == (0, None, 3)
    assert [path.name for path in (tmp_path / "logs/checkpoints").iterdir()] == ["last.ckpt"]


def test_test_loader_is_measured_in_every_epoch(tmp_path: Path):
    task = Line()
    task.test_loader = DataLoader(data(8), batch_size=8)
    pipeline(tmp_path, task, runner__checkpoint={"target": "test_metric"}).fit()
    assert all(row["test/mae"] != row["valid/mae"] for row in rows(tmp_path))
    assert checkpoint(tmp_path)["runner"]["best_metric"] == min(row["test/mae"] for row in rows(tmp_path))


def test_eval_interval_counts_epochs(tmp_path: Path):
    pipeline(tmp_path, runner__max_epochs=5, runner__eval_interval=2).fit()
    assert ["valid/mae" in row for row in rows(tmp_path)] == [False, True, False, True, True]


# Loss (F3.23, F3.12)


def test_loss_is_that_of_the_arguments(tmp_path: Path):
    # one batch of everything, one epoch: the mean of |pred - target|, before the first step
    task = Line()
    task.train_loader = DataLoader(data(), batch_size=32)
    pipeline(tmp_path, task, optim__loss="mae", runner__max_epochs=1).fit()
    x = torch.linspace(-1, 1, 32)
    assert rows(tmp_path)[0]["train/loss"] == pytest.approx(float((2.5 * x - 1.5).abs().mean()))


@pytest.mark.parametrize("takes_args", [True, False])
def test_loss_of_the_task_wins(tmp_path: Path, takes_args: bool):
    class Own(Line):
        pass

    loss = nn.L1Loss()
    Own.get_loss_fn = (lambda self, args: loss) if takes_args else (lambda self: loss)  # type: ignore[attr-defined]
    assert pipeline(tmp_path, Own()).loss_fn is loss


def test_loss_may_be_a_dict(tmp_path: Path):
    class Two(Line):
        def batch_loss(self, out: Any, batch: Any, loss_fn: Any) -> dict[str, Any]:
            parts = {name: loss(out["pred"], batch[1]) for name, loss in loss_fn.items()}
            return {"loss": (parts["a"] + parts["b"], len(batch[0])), "a": (parts["a"], len(batch[0]))}

    pipeline(tmp_path, Two(), optim__loss={"a": "mse", "b": "mae"}).fit()
    assert all(row["train/a"] < row["train/loss"] for row in rows(tmp_path))


def test_unknown_loss_is_refused_before_the_training(tmp_path: Path):
    with pytest.raises(NotImplementedError, match=r"optim.loss: 'msee' is no loss"):
        pipeline(tmp_path, optim__loss="msee")


# Optimizer and schedule (F3.20, F3.21)


def test_optimizer_and_groups_are_those_of_the_arguments(tmp_path: Path):
    pipe = pipeline(tmp_path, optim__optimizer="adam", optim__groups=[{"pattern": "bias", "lr": 0.5}])
    assert type(pipe.optimizer) is torch.optim.Adam
    assert [group["lr"] for group in pipe.optimizer.param_groups] == [0.1, 0.5]


def test_optimizer_of_a_subclass_may_come_with_a_scheduler_of_torch(tmp_path: Path):
    class Mine(QPipeline):
        @staticmethod
        def prepare_optim(args: Any, model: nn.Module) -> Any:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)

    task = Rates()
    pipe = Mine(arguments(tmp_path), task=task, model=line_model())
    assert pipe.optimizer is not None and isinstance(pipe.scheduler, torch.optim.lr_scheduler.ExponentialLR)
    pipe.fit()
    assert task.rates == [0.5] * 4 + [0.05] * 4 + [0.005] * 4


@pytest.mark.parametrize("scheduler", [None, "cosine"])
def test_optimizer_of_a_subclass_with_no_or_no_known_scheduler(tmp_path: Path, scheduler: Any):
    class Mine(QPipeline):
        @staticmethod
        def prepare_optim(args: Any, model: nn.Module) -> Any:
            return build_optimizer(model, args.optim), scheduler

    pipe = Mine(arguments(tmp_path), task=Line(), model=line_model())
    if scheduler is None:
        assert pipe.fit()["final_epoch"] == 3
    else:
        with pytest.raises(UsageError, match=r"prepare_optim returned a scheduler of type str \(allowed: a Schedule"):
            pipe.fit()


def test_schedule_warms_up_by_steps_and_moves_by_epochs(tmp_path: Path):
    task = Rates()
    values = {"optim__scheduler": "step", "optim__scheduler_params": {"step_size": 1, "gamma": 0.5}}
    pipeline(tmp_path, task, optim__warmup_params={"warmup_epochs": 1, "warmup_factor": 0.2}, **values).fit()
    # from 0.2 · 0.1 in 4 steps to 0.1; the first whole epoch at 0.1, the next at half of it
    assert task.rates == [0.02, 0.04, 0.06, 0.08, *[0.1] * 4, *[0.05] * 4]


def test_plateau_follows_the_validation_error(tmp_path: Path):
    task = Rates(errors=[1.0, 1.0, 1.0, 1.0, 1.0])
    plateau = {"factor": 0.5, "patience": 1}
    pipeline(tmp_path, task, optim__scheduler="plateau", optim__scheduler_params=plateau, runner__max_epochs=5).fit()
    assert task.rates[::4] == [0.1, 0.1, 0.1, 0.05, 0.05]


def test_gradients_are_accumulated_and_clipped(tmp_path: Path):
    # one step over all 32 points: d/db of mean((w·x + b - 3x + 1)²) at w = b = 0.5 is 2 · (0.5 + 1) = 3, since Σx = 0
    pipe = pipeline(tmp_path / "free", runner__accum_grad=4, runner__max_epochs=1)
    assert pipe.fit()["final_step"] == 1
    bias = weights(pipe.model)[1]
    assert bias == pytest.approx(0.5 - 0.1 * 3.0, abs=1e-5)
    clipped = pipeline(tmp_path / "clipped", runner__accum_grad=4, runner__clip_grad=0.1, runner__max_epochs=1)
    clipped.fit()
    moved = [a - b for a, b in zip(weights(clipped.model), weights(line_model()))]
    assert math.hypot(*moved) == pytest.approx(0.1 * 0.1, rel=1e-3)


# Best epoch, early stop, moving average (F3.14, F3.15, F3.19)


def test_early_stop_ends_at_the_fourth_epoch(tmp_path: Path):
    # 1.0, .9, .9, .9 with patience 2
    result = pipeline(
        tmp_path, Line([1.0, 0.9, 0.9, 0.9, 0.1]), runner__max_epochs=9, runner__early_stop={"patience": 2}
    ).fit()
    assert (result["final_epoch"], result["early_stopped"], result["terminal_reason"]) == (4, True, "early_stop")
    assert (result["best_epoch"], result["best_monitored_metric"]) == (2, 0.9)


def test_early_stop_null_never_ends(tmp_path: Path):
    assert pipeline(tmp_path, Line([1.0] * 9), runner__max_epochs=9, runner__early_stop=None).fit()["final_epoch"] == 9


def test_early_stop_takes_all_its_settings(tmp_path: Path):
    early = {"target": "train_loss", "patience": 5, "mode": "max", "min_delta": 0.1, "upper_bound": 0.0}
    result = pipeline(tmp_path, runner__early_stop=early).fit()
    assert (result["final_epoch"], result["terminal_reason"]) == (1, "early_stop")


@pytest.mark.parametrize(
    ("checkpoint_args", "early_stop", "best"),
    [
        (None, None, 2),  # lowest val_metric
        ({"mode": "max"}, None, 3),
        (None, {"patience": 9, "mode": "max"}, 3),
        ({"mode": "min"}, {"patience": 9, "mode": "max"}, 2),
        ({"target": "val_metric"}, {"patience": 9, "mode": "max", "target": "train_loss"}, 2),
        ({"min_delta": 5.0}, None, 1),
    ],
)
def test_best_epoch_is_chosen_by_checkpoint_then_early_stop(
    tmp_path: Path, checkpoint_args: Any, early_stop: Any, best: int
):
    values = {"runner__checkpoint": checkpoint_args, "runner__early_stop": early_stop}
    assert pipeline(tmp_path, Line([2.0, 1.0, 3.0]), **values).fit()["best_epoch"] == best
    assert checkpoint(tmp_path, "best")["runner"]["epoch"] == best


def test_on_better_model_is_called_after_the_best_checkpoint(tmp_path: Path):
    class Told(Line):
        def on_better_model(self, runner: Any, state: dict[str, Any]) -> None:
            self.calls.append((runner, state["runner"]["epoch"], checkpoint(tmp_path, "best")["runner"]["epoch"]))

    task = Told([2.0, 3.0, 1.0])
    pipe = pipeline(tmp_path, task)
    pipe.fit()
    assert task.calls == [(pipe.runner, 1, 1), (pipe.runner, 3, 3)]


def test_ema_is_measured_and_kept(tmp_path: Path):
    pipeline(tmp_path, optim__ema_params={"ema": True}, runner__checkpoint={"target": "ema_val_metric"}).fit()
    assert all(row["ema_valid/mae"] > row["valid/mae"] for row in rows(tmp_path))
    state = checkpoint(tmp_path)
    # 0.99: 12 steps later the average is still nearer to the start
    averaged, trained = state["ema_state_dict"]["weights"]["bias"], state["model"]["bias"]
    assert abs(float(averaged) - 0.2) < abs(float(trained) - 0.2) and state["ema_state_dict"]["updates"] == 12


@pytest.mark.parametrize("ema", [None, {"ema": False}, {"ema": False, "ema_decay": 0.5}])
def test_ema_that_is_not_asked_for_is_not_kept(tmp_path: Path, ema: Any):
    pipeline(tmp_path, optim__ema_params=ema).fit()
    assert "ema_state_dict" not in checkpoint(tmp_path) and "ema_valid/mae" not in rows(tmp_path)[0]


# Listeners (F3.13)


def test_listeners_on_the_runner_hear_the_events(tmp_path: Path):
    heard: list[Any] = []
    pipe = pipeline(tmp_path, runner__max_epochs=1)
    pipe.runner.listeners.on("onEpochStart", lambda epoch: heard.append(("start", epoch)))
    pipe.runner.listeners.on("onBatchEnd", lambda index, count, metrics, bank: heard.append((index, count)))
    pipe.runner.listeners.on("onEpochEnd", lambda state, avg: heard.append((state["epoch"], sorted(avg))))
    pipe.fit()
    assert heard == [("start", 1), (0, 4), (1, 4), (2, 4), (3, 4), (0, 2), (1, 2), (1, ["train", "val"])]
    with pytest.raises(UsageError, match="there is no event 'onEpoch'"):
        pipe.runner.listeners.on("onEpoch", print)


def test_listener_that_fails_ends_the_training(tmp_path: Path):
    pipe = pipeline(tmp_path)
    pipe.runner.listeners.on("onEpochEnd", lambda state, avg: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipe.fit()
    assert pipe.result is not None and pipe.result["terminal_reason"] == "exception"
    assert (tmp_path / "logs/STATUS").read_text(encoding="utf-8") == "failed\n"


# Ends and resumes (F3.16, F3.24)


class Bad(Line):
    """Give a loss that is no number in the third epoch."""

    def batch_loss(self, out: dict[str, Any], batch: Any, loss_fn: Any = None) -> dict[str, Any]:
        losses = super().batch_loss(out, batch, loss_fn)
        self.calls.append(1)
        return losses if len(self.calls) <= 9 else {"loss": (losses["loss"][0] * float("nan"), 8)}


def test_loss_that_is_no_number_ends_before_evaluation_and_saving(tmp_path: Path):
    result = pipeline(tmp_path, Bad()).fit()
    assert (result["terminal_reason"], result["final_epoch"], result["final_step"]) == ("nan", 2, 9)
    assert len(rows(tmp_path)) == 2 and checkpoint(tmp_path)["runner"]["epoch"] == 2
    assert torch.isfinite(checkpoint(tmp_path, "best")["model"]["bias"]).all()
    assert "the loss became nan in epoch 3, step 2" in (tmp_path / "logs/log.txt").read_text(encoding="utf-8")
    assert (tmp_path / "logs/STATUS").read_text(encoding="utf-8") == "failed\n"


def test_signal_ends_with_a_checkpoint_that_can_be_resumed(tmp_path: Path):
    stopped = pipeline(tmp_path, Interrupts())
    result = stopped.fit()
    assert (result["terminal_reason"], result["final_epoch"], result["final_step"]) == ("interrupt", 1, 6)
    assert (tmp_path / "logs/STATUS").read_text(encoding="utf-8") == "interrupted\n"
    resumed = pipeline(tmp_path, ckp_file=last(tmp_path))
    assert resumed.fit()["final_step"] == 12
    whole = pipeline(tmp_path / "whole")
    whole.fit()
    assert weights(resumed.model) == weights(whole.model)


def test_resumed_training_equals_an_uninterrupted_one(tmp_path: Path):
    values = {
        "optim__optimizer": "adamw",
        "optim__scheduler": "cosine",
        "optim__scheduler_params": {"T_max": 6},
        "optim__warmup_params": {"warmup_steps": 6},
        "optim__ema_params": {"ema": True, "ema_decay": 0.9},
    }
    whole_task, parts = Rates(), Rates()
    whole = pipeline(tmp_path / "whole", whole_task, runner__max_epochs=6, **values)
    whole.fit()
    pipeline(tmp_path, parts, runner__max_epochs=2, **values).fit()
    second = Rates()
    second.rates = parts.rates
    resumed = pipeline(tmp_path, second, runner__max_epochs=6, ckp_file=last(tmp_path), **values)
    result = resumed.fit()
    assert second.rates == whole_task.rates and weights(resumed.model) == weights(whole.model)
    timeless = [
        [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s", "memory_mb")} for row in rows(folder)]
        for folder in (tmp_path, tmp_path / "whole")
    ]
    assert timeless[0] == timeless[1] and [row["epoch"] for row in timeless[0]] == [1, 2, 3, 4, 5, 6]
    assert result == whole.result
    assert checkpoint(tmp_path)["ema_state_dict"]["updates"] == 24
    assert (tmp_path / "logs/config.yaml").is_file() and (tmp_path / "logs/config_ckprecover.yaml").is_file()


def test_resumed_training_remembers_its_best_epoch(tmp_path: Path):
    # the original forgets it: the first epoch after a resume would be the best
    pipeline(tmp_path, Line([0.5, 0.7]), runner__max_epochs=2).fit()
    result = pipeline(tmp_path, Line([0.6, 0.55]), runner__max_epochs=4, ckp_file=last(tmp_path)).fit()
    assert (result["best_epoch"], result["best_monitored_metric"]) == (1, 0.5)
    assert checkpoint(tmp_path, "best")["runner"]["epoch"] == 1


def test_resumed_training_remembers_the_patience(tmp_path: Path):
    early = {"runner__early_stop": {"patience": 3}}
    pipeline(tmp_path, Line([0.5, 0.7, 0.7]), runner__max_epochs=3, **early).fit()
    result = pipeline(tmp_path, Line([0.7, 0.7]), runner__max_epochs=9, ckp_file=last(tmp_path), **early).fit()
    assert (result["final_epoch"], result["terminal_reason"]) == (4, "early_stop")


def test_resumed_training_may_go_on_in_another_folder(tmp_path: Path):
    pipeline(tmp_path, Line([0.5]), runner__max_epochs=1).fit()
    pipeline(tmp_path / "new", Line([0.6]), runner__max_epochs=2, ckp_file=last(tmp_path)).fit()
    assert [row["epoch"] for row in rows(tmp_path / "new")] == [2] and len(rows(tmp_path)) == 1
    assert checkpoint(tmp_path / "new", "best")["runner"]["epoch"] == 1


def test_resumed_training_in_a_folder_of_another_one_puts_its_metrics_aside(tmp_path: Path):
    pipeline(tmp_path, runner__max_epochs=1).fit()
    pipeline(tmp_path / "new", runner__max_epochs=3).fit()
    pipeline(tmp_path / "new", runner__max_epochs=2, ckp_file=last(tmp_path)).fit()
    assert [row["epoch"] for row in rows(tmp_path / "new")] == [2]
    assert len((tmp_path / "new/logs/metrics.1.jsonl").read_text(encoding="utf-8").splitlines()) == 3


class InTheWay(Line):
    """Put a folder where the best checkpoint is, so that the next one is written as last.ckpt and no further."""

    def __init__(self, best: Path, errors: list[float]):
        super().__init__(errors)
        self.best = best

    def on_better_model(self, runner: Any, state: dict[str, Any]) -> None:
        self.best.rename(self.best.with_suffix(".kept"))
        self.best.mkdir()


@pytest.mark.parametrize("folder", [".", "new"])
def test_best_checkpoint_that_a_kill_has_left_behind_is_made_up_for(tmp_path: Path, folder: str):
    best = tmp_path / "logs/checkpoints/best.ckpt"
    with pytest.raises(TrainingError, match=r"cannot write best\.ckpt: Is a directory"):
        pipeline(tmp_path, InTheWay(best, [3.0, 1.0])).fit()
    best.rmdir()
    best.with_suffix(".kept").rename(best)
    assert checkpoint(tmp_path)["runner"]["epoch"] == 2
    assert checkpoint(tmp_path, "best")["runner"]["epoch"] == 1
    result = pipeline(tmp_path / folder, Line([9.0]), ckp_file=last(tmp_path)).fit()
    assert result["best_epoch"] == checkpoint(tmp_path / folder, "best")["runner"]["epoch"] == 2


@pytest.mark.parametrize("mode", ["epoch", "step"])
@pytest.mark.parametrize("warmup", [0, 6])
def test_resumed_cosine_of_more_epochs_is_where_it_would_have_been(tmp_path: Path, mode: str, warmup: int):
    values = {"optim__scheduler": "cosine", "optim__warmup_params": {"warmup_steps": warmup}, "runner__run_mode": mode}
    whole, first, second = Rates(shuffle=False), Rates(shuffle=False), Rates(shuffle=False)
    pipeline(tmp_path / "whole", whole, runner__max_epochs=8, **values).fit()
    pipeline(tmp_path, first, runner__max_epochs=3, **values).fit()
    pipeline(tmp_path, second, runner__max_epochs=8, ckp_file=last(tmp_path), **values).fit()
    assert len(second.rates) == 5 * 4 and second.rates == pytest.approx(whole.rates[3 * 4 :])


def test_own_scheduler_of_torch_goes_on_with_its_new_length(tmp_path: Path):
    class Mine(QPipeline):
        @staticmethod
        def prepare_optim(args: Any, model: nn.Module) -> Any:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.runner.max_epochs)

    tasks = [Rates(), Rates(), Rates()]
    given = [
        {"runner__max_epochs": 4},
        {"runner__max_epochs": 2},
        {"runner__max_epochs": 4, "ckp_file": last(tmp_path)},
    ]
    for folder, task, values in zip([tmp_path / "whole", tmp_path, tmp_path], tasks, given, strict=True):
        Mine(arguments(folder, **values), task=task, model=line_model()).fit()
    assert tasks[2].rates == pytest.approx(tasks[0].rates[8:])


@pytest.mark.parametrize(
    ("values", "was"), [({}, "had all its epochs"), ({"runner__early_stop": {"patience": 1}}, "was stopped early")]
)
def test_resumed_training_that_is_finished_does_nothing_and_says_so(tmp_path: Path, values: dict[str, Any], was: str):
    first = pipeline(tmp_path, Line([0.5, 0.6, 0.7]), **values)
    expected, done = first.fit(), len(rows(tmp_path))
    again = pipeline(tmp_path, ckp_file=last(tmp_path), **values)
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")
    assert again.fit() == expected and weights(again.model) == weights(first.model)
    logger.remove(sink)
    assert said == [f"Nothing is left to train: the training of {last(tmp_path)} {was}"]
    assert len(rows(tmp_path)) == done


def test_task_has_a_part_of_every_checkpoint(tmp_path: Path):
    class Counts(Line):
        seen = 0

        def onEpochStart(self, epoch: int) -> None:
            self.seen += 1

        def state_dict(self) -> dict[str, int]:
            return {"seen": self.seen}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.seen = state["seen"]

    pipeline(tmp_path, Counts()).fit()
    task = Counts()
    pipeline(tmp_path, task, runner__max_epochs=4, ckp_file=last(tmp_path)).fit()
    assert task.seen == 4
