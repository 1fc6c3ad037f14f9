from pathlib import Path

import pytest
import torch

from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from auto_train.common.precision import precision_choices
from auto_train.common.strict import make_deterministic
from auto_train.config import default_config
from auto_train.errors import UsageError
from tests.common.test_user_loaders import LOADER
from tests.tiny import tiny_config

STRICT = "training.reproducible=strict"


def test_algorithms_are_deterministic_while_it_lasts():
    benchmark = torch.backends.cudnn.benchmark
    with make_deterministic(True):
        assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
        # An operation that has no deterministic form says so.
        with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
            torch.zeros(2).put_(torch.tensor([0, 0]), torch.ones(2), accumulate=False)
    assert not torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.benchmark == benchmark
    with make_deterministic(False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_nothing_is_chosen_by_timing():
    assert precision_choices(default_config()) == {"amp": "auto", "channels_last": "auto"}
    assert precision_choices(default_config(overrides=[STRICT])) == {"amp": False, "channels_last": False}
    chosen = default_config(overrides=[STRICT, "training.scheme.amp=true", "training.scheme.channels_last=true"])
    assert precision_choices(chosen) == {"amp": True, "channels_last": True}


def test_strict_task_computes_in_float32_without_a_trial(digit_files: Path, tmp_path: Path):
    keys = [STRICT, "training.scheme.amp=auto", "training.scheme.channels_last=auto"]
    precision = ClassificationModel(tiny_config(tmp_path, digit_files, *keys)).learn.precision
    assert precision.describe() == "float32" and precision.images_per_s is None


def test_strict_training_with_dataloaders_of_a_function_is_refused(digit_files: Path, tmp_path: Path):
    (tmp_path / "code.py").write_text(LOADER)
    more = "\n[training.data.load_datablocks]\n@load_function = with_fastai\n"
    config = tiny_config(tmp_path, digit_files, f"project.custom_functions={tmp_path}/code.py", STRICT, more=more)
    match = r"\[training\] reproducible: 'strict' cannot be kept with DataLoaders .*allowed: seeded.*\n.*Samples"
    with pytest.raises(UsageError, match=match) as caught:
        train_model(config)
    assert caught.value.exit_code == 2


def test_two_strict_trainings_end_with_the_same_weights(digit_files: Path, tmp_path: Path):
    keys = [STRICT, "training.scheme.epochs=2", "architecture.backbone.drop_rate=0.5", "training.scheme.mixup=0.3"]
    one, two = (
        torch.load(train_model(tiny_config(tmp_path / name, digit_files, *keys)).weights, weights_only=True)
        for name in ("one", "two")
    )
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
