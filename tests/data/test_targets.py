from pathlib import Path

import numpy as np
import pytest

from auto_train import actions
from auto_train.data.targets import Boxes, LabelSets, Values, of_kind
from auto_train.errors import UsageError
from tests.tiny import tiny_config


def test_targets_of_another_kind_are_refused():
    numbers = Values(names=("age",), units=("years",), array=np.zeros((2, 1)))
    assert of_kind(numbers, Values) is numbers
    with pytest.raises(UsageError, match=r"\[project.data\] target: the data was read for target 'values' .*: boxes\)"):
        of_kind(numbers, Boxes)
    with pytest.raises(UsageError, match="for target 'label'"):
        of_kind(None, LabelSets)


@pytest.mark.parametrize("task", ["regression", "object_detection", "segmentation"])
def test_training_on_targets_of_another_task_is_refused(digit_files: Path, tmp_path: Path, task: str):
    keys = [f"project.type={task}", "project.data.target=label", "architecture.image_size=64"]
    config = tiny_config(tmp_path, digit_files, *keys)
    with pytest.raises(UsageError, match=r"\[project.data\] target: the data was read for target 'label'"):
        actions.train(config)
