"""The names a user imports from auto_train.training."""

import subprocess
import sys
from pathlib import Path

import pytest

import auto_train.training as training


def test_training_offers_its_names():
    for name in training.__all__:
        assert getattr(training, name).__name__ == name


def test_training_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'auto_train.training' has no attribute 'qPipeline'"):
        _ = training.qPipeline


def test_training_arguments_are_read_without_torch(root: Path):
    code = (
        "import sys; from auto_train.training import prepare_cmd_args, qDict; qDict().x; "
        "print(sorted({'torch', 'fastai', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
