from pathlib import Path

import pytest

from auto_train.common.standard_args import standard_args
from auto_train.config import load_config
from auto_train.errors import ConfigError
from auto_train.training.pipeline.schema import is_standard, validate_args
from tests.tiny import tiny_config


def test_standard_args_of_a_config_are_its_values(tmp_path: Path):
    keys = ["scheduler=cosine", "clip_grad=1.0", "early_stop=3", "ema_decay=0.99", "warmup_epochs=1", "freeze_epochs=2"]
    config = tiny_config(tmp_path, "builtin:digits", *(f"training.scheme.{key}" for key in keys))
    args = standard_args(config, rate=0.01)
    assert is_standard(args) and args["seed"] == 42
    assert args["optim"]["optimizer_params"] == {"lr": 0.01, "weight_decay": 0.01}
    assert (args["optim"]["scheduler"], args["optim"]["warmup_params"]) == ("cosine", {"warmup_epochs": 1.0})
    assert args["optim"]["ema_params"] == {"ema": True, "ema_decay": 0.99}
    assert args["runner"]["early_stop"] == {"target": "ema_val_metric", "patience": 3}
    assert (args["runner"]["max_epochs"], args["runner"]["clip_grad"]) == (3, 1.0)
    assert args["task"]["dataloader"]["batch_size"] == 16


@pytest.mark.parametrize("name", ["digits", "mnist", "flowers", "imagenette", "rooftops"])
def test_standard_args_of_every_shipped_config_pass_the_schema(root: Path, name: str):
    config = load_config(root / f"configs/{name}.ini")
    validate_args(standard_args(config, rate=0.003))


@pytest.mark.parametrize(
    "key",
    ["epochs=0", "scheduler=plateau", "scheduler=constant", "clip_grad=0.1", "learning_rate=1e-8", "optimizer=rmsprop"],
)
def test_standard_args_of_every_value_an_ini_may_have_pass_the_schema(tmp_path: Path, key: str):
    config = tiny_config(tmp_path, "builtin:digits", f"training.scheme.{key}")
    validate_args(standard_args(config, rate=config.training.scheme.learning_rate))


@pytest.mark.parametrize("key", ["clip_grad=0.05", "learning_rate=1e-9"])
def test_values_that_the_schema_refuses_are_refused_in_an_ini_too(tmp_path: Path, key: str):
    with pytest.raises(ConfigError, match=key.split("=")[0]):
        tiny_config(tmp_path, "builtin:digits", f"training.scheme.{key}")
