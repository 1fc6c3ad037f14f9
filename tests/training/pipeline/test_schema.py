"""The standard arguments (F3.4, the argument side of F3.17 and F3.22)."""

import copy
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auto_train.config import load_yaml
from auto_train.errors import ConfigError
from auto_train.training.monitor import TARGETS
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.schema import complete_args, is_standard, schema, validate_args

SMALLEST: dict[str, Any] = {
    "seed": 0,
    "log_dir": "logs",
    "optim": {"loss": "mse", "optimizer": "sgd", "optimizer_params": {"lr": 1e-8}},
    "runner": {"max_epochs": 1},
}
# every key of F3.4
FULL: dict[str, Any] = {
    "seed": 42,
    "log_dir": "logs",
    "print_freq": 10,
    "render_type": "plain",
    "ckp_file": "last.ckpt",
    "init_file": "weights.pth",
    "model": {"dtype": "float64", "anything": [1]},
    "task": {
        "dataset": "mine",
        "dataloader": {"batch_size": 8, "eval_batch_size": 4, "num_workers": 0, "pin_memory": False},
    },
    "optim": {
        "loss": {"energy": "mse"},
        "loss_params": {"energy": {}},
        "optimizer": "adamw",
        "optimizer_params": {
            "lr": 1e-3,
            "betas": [0.9, 0.99],
            "eps": 1e-8,
            "weight_decay": 0.1,
            "momentum": 0.9,
            "amsgrad": True,
        },
        "groups": [{"pattern": "^head", "lr": 1e-2, "weight_decay": 0}],
        "scheduler": "cosine",
        "scheduler_params": {"T_max": 3},
        "warmup_params": {"warmup_steps": 3, "warmup_epochs": 0, "warmup_factor": 0.1},
        "ema_params": {"ema": True, "ema_decay": 0.99, "auto_offload": True},
        "stages": [{"epochs": 1, "loss_weights": {"energy": 1}, "own": "x"}, {"until_epoch": 3, "optimizer": "sgd"}],
    },
    "runner": {
        "run_mode": "step",
        "max_epochs": 3,
        "max_steps": 30,
        "eval_interval": 1,
        "save_interval": 2,
        "clip_grad": 0.1,
        "accum_grad": 2,
        "early_stop": {
            "target": "val_metric",
            "patience": 1,
            "mode": "min",
            "min_delta": 0.0,
            "lower_bound": -1,
            "upper_bound": None,
        },
        "checkpoint": {"target": "val_metric", "mode": "max", "min_delta": 0, "regular_latest_only": True},
    },
}


def changed(**values: Any) -> qDict:
    """Return SMALLEST with ``section__key=value`` set; ``...`` removes the key."""
    args = qDict(copy.deepcopy(SMALLEST))
    for name, value in values.items():
        *path, last = name.split("__")
        inner = args
        for key in path:
            inner = inner.setdefault(key, {})
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return args


def test_schema_is_one_and_is_shipped():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert files("auto_train.training.pipeline").joinpath("qTrainSchema.json").is_file()
    pyproject = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"qTrainSchema.json"' in pyproject.partition("[tool.setuptools.package-data]")[2].partition("\n\n")[0]


@pytest.mark.parametrize("args", [SMALLEST, FULL, qDict(FULL)])
def test_args_with_known_keys_are_accepted(args: dict[str, Any]):
    validate_args(args)


def test_args_of_a_file_are_accepted(tmp_path: Path):
    (tmp_path / "my.yml").write_text(
        "seed: 1\nlog_dir: logs\nrunner: {max_epochs: 1e1, clip_grad: none, early_stop: null}\n"
        "optim: {loss: mse, optimizer: adam, optimizer_params: {lr: 5e-4, betas: !!python/tuple [0.9, 0.99]},\n"
        "  scheduler: none}\n",
        encoding="utf-8",
    )
    validate_args(load_yaml(tmp_path / "my.yml"))


@pytest.mark.parametrize("key", ["test", "ddp_detect", "device", "distributed", "rank", "local_rank", "world_size"])
def test_args_keys_of_the_framework_are_not_looked_at(key: str):
    validate_args(changed(**{key: object()}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": ...}, "seed: this key is missing"),
        ({"log_dir": ...}, "log_dir: this key is missing"),
        ({"optim": ...}, "optim: this key is missing"),
        ({"runner": ...}, "runner: this key is missing"),
        ({"optim__loss": ...}, "optim.loss: this key is missing"),
        ({"optim__optimizer": ...}, "optim.optimizer: this key is missing"),
        ({"optim__optimizer_params": ...}, "optim.optimizer_params: this key is missing"),
        ({"optim__optimizer_params__lr": ...}, "optim.optimizer_params.lr: this key is missing"),
        ({"sed": 1}, "sed: there is no such key (allowed: did you mean 'seed'? known: seed, $BASE, "),
        ({"optim__optimiser": 1}, "optim.optimiser: there is no such key (allowed: did you mean 'optimizer'?"),
        ({"optim__optimizer_params__nesterov": True}, "optim.optimizer_params.nesterov: there is no such key"),
        ({"optim__ema_params__decay": 0.9}, "optim.ema_params.decay: there is no such key"),
        ({"optim__warmup_params__steps": 3}, "optim.warmup_params.steps: there is no such key"),
        ({"runner__early_stop": {"patience": 1, "wait": 3}}, "runner.early_stop.wait: there is no such key"),
        ({"runner__checkpoint__patience": 3}, "runner.checkpoint.patience: there is no such key"),
        ({"runner__max_epoch": 3}, "runner.max_epoch: there is no such key (allowed: did you mean 'max_epochs'?"),
        ({"seed": -1}, "seed: '-1' is out of range (allowed: >= 0)"),
        ({"seed": 1.5}, "seed: '1.5' is a number (allowed: integer)"),
        ({"seed": True}, "seed: 'True' is a boolean (allowed: integer)"),
        ({"log_dir": 3}, "log_dir: '3' is an integer (allowed: string)"),
        ({"optim": []}, "optim: '[]' is an array (allowed: object)"),
        ({"optim__loss": 3}, "optim.loss: '3' is an integer (allowed: string or object)"),
        (
            {"optim__optimizer": "adagrad"},
            "optim.optimizer: 'adagrad' is not known (allowed: adam, adamw, rms",
        ),
        (
            {"optim__optimizer_params__lr": 1e-9},
            "params.lr: '1e-09' is out of range (allowed: >= 1e-08)",
        ),
        ({"optim__optimizer_params__lr": "fast"}, "optim.optimizer_params.lr: 'fast' is text (allowed: number)"),
        ({"optim__optimizer_params__lr": float("nan")}, "lr: 'nan' is no finite number (allowed: number)"),
        ({"optim__optimizer_params__betas": [0.9]}, "optim.optimizer_params.betas: [0.9] is too short"),
        ({"optim__optimizer_params__betas": [0.9, 1]}, "betas[1]: '1' is out of range (allowed: < 1)"),
        ({"optim__groups": [{"lr": 1}]}, "optim.groups[0].pattern: this key is missing"),
        ({"optim__scheduler": "exponential"}, "optim.scheduler: 'exponential' is not known (allowed: cosine, lambda"),
        ({"optim__ema_params__ema_decay": 1.1}, "optim.ema_params.ema_decay: '1.1' is out of range (allowed: <= 1)"),
        ({"optim__warmup_params__warmup_factor": 2}, "optim.warmup_params.warmup_factor: '2' is out of range"),
        ({"optim__warmup_params__warmup_steps": -1}, "optim.warmup_params.warmup_steps: '-1' is out of range"),
        ({"runner__run_mode": "batch"}, "runner.run_mode: 'batch' is not known (allowed: epoch, step)"),
        ({"runner__max_epochs": 0}, "runner.max_epochs: '0' is out of range (allowed: >= 1)"),
        ({"runner__clip_grad": 0.01}, "runner.clip_grad: '0.01' is out of range (allowed: >= 0.1)"),
        ({"runner__accum_grad": 0}, "runner.accum_grad: '0' is out of range (allowed: >= 1)"),
        ({"runner__early_stop": {"patience": 0}}, "runner.early_stop.patience: '0' is out of range (allowed: >= 1)"),
        (
            {"runner__early_stop": {"patience": 1, "mode": "best"}},
            "runner.early_stop.mode: 'best' is not known (allowed: max, min)",
        ),
        ({"runner__early_stop": {"patience": 1, "min_delta": -1}}, "runner.early_stop.min_delta: '-1' is out of range"),
        ({"runner__early_stop": {}}, "runner.early_stop.patience: this key is missing"),
        (
            {"runner__checkpoint": {"target": "loss"}},
            "runner.checkpoint.target: 'loss' is not known (allowed: ema_test",
        ),
        ({"task__dataloader": {}}, "task.dataloader.batch_size: this key is missing"),
        ({"task__dataloader": {"batch_size": 0}}, "task.dataloader.batch_size: '0' is out of range (allowed: >= 1)"),
        ({"task__dataloader": {"batch_size": 1, "num_workers": -1}}, "task.dataloader.num_workers: '-1'"),
        ({"model": {"dtype": "float16"}}, "model.dtype: 'float16' is not known (allowed: did you mean 'float"),
    ],
)
def test_args_problem_names_path_reason_and_what_is_allowed(values: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as caught:
        validate_args(changed(**values))
    (problem,) = caught.value.problems
    assert message in str(problem)


def test_args_targets_are_those_a_training_can_watch():
    assert set(schema()["$defs"]["target"]["enum"]) == set(TARGETS)


def test_args_problems_are_all_shown_at_once():
    with pytest.raises(ConfigError) as caught:
        validate_args(changed(seed=-1, sed=1, optim__optimizer="x", runner__clip_grad=0, task__dataloader={}))
    assert [str(problem).partition(":")[0] for problem in caught.value.problems] == [
        "sed",
        "optim.optimizer",
        "runner.clip_grad",
        "seed",
        "task.dataloader.batch_size",
    ]
    assert len(str(caught.value).splitlines()) == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"runner": {}}, "runner: it is not said how long to train\n  give max_epochs; with run_mode: step, max_steps"),
        ({"runner": {"max_steps": 5}}, "runner: it is not said how long to train"),
        (
            {"runner": {"max_epochs": 3, "epochs": 4}},
            "runner.epochs: '4', but max_epochs, which means the same, is",
        ),
        ({"runner": {}, "optim__stages": [{}]}, "optim.stages[0]: it is not said how long this stage takes"),
    ],
)
def test_args_must_say_once_how_long_to_train(values: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as caught:
        validate_args(changed(**values))
    assert message in str(caught.value)
    validate_args(changed(test=True, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"runner": {"epochs": 3}},
        {"runner": {"max_epochs": 3, "epochs": 3}},
        {"runner": {"run_mode": "step", "max_steps": 3}},
        {"runner": {"run_mode": "step", "max_epochs": 3}},
        {"runner": {}, "optim__stages": [{"epochs": 2}, {"until_epoch": 5}]},
        {"runner": {"run_mode": "step", "max_steps": 9}, "optim__stages": [{"epochs": 2}, {}]},
    ],
)
def test_args_may_say_how_long_to_train_in_several_ways(values: dict[str, Any]):
    validate_args(changed(**values))


def test_args_are_standard_when_all_that_is_required_is_there():
    assert is_standard(SMALLEST) and not is_standard({"seed": 1, "optim": {}, "runner": {}})


def test_args_are_completed_by_what_follows_from_other_keys():
    args = changed(runner={"epochs": 3}, task__dataloader={"batch_size": 8})
    complete_args(args)
    assert args.runner.max_epochs == 3 and args.task.dataloader.eval_batch_size == 8
    validate_args(args)
    given = changed(task__dataloader={"batch_size": 8, "eval_batch_size": 2})
    complete_args(given)
    assert given.task.dataloader.eval_batch_size == 2 and given.runner.max_epochs == 1
