"""The lengths of F3.22."""

from typing import Any

import pytest

from auto_train.errors import UsageError
from auto_train.training.pipeline.stage_args import stage_epochs

Stages = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("stages", "max_epochs", "expected"),
    [
        ([{"epochs": 2}, {"epochs": 3}], None, [2, 3]),
        ([{"until_epoch": 2}, {"until_epoch": 5}], None, [2, 3]),
        ([{"epochs": 2}, {"until_epoch": 5}], None, [2, 3]),
        ([{"until_epoch": 2}, {}], 6, [2, 4]),
        ([{}], 6, [6]),
        # the last stage goes on to the end of the training, and nothing goes beyond it
        ([{"epochs": 2}, {"epochs": 3}], 8, [2, 6]),
        ([{"epochs": 2}, {"epochs": 3}], 4, [2, 2]),
        ([{"epochs": 2}, {"epochs": 3}, {"epochs": 1}], 1, [1, 0, 0]),
        ([{"epochs": 2.0}], None, [2]),
    ],
)
def test_stage_epochs_are_what_the_stages_say(
    stages: list[dict[str, Any]], max_epochs: int | None, expected: list[int]
):
    assert stage_epochs(stages, max_epochs) == expected


@pytest.mark.parametrize(
    ("stages", "max_epochs", "message"),
    [
        ([{"epochs": 2}, {}], None, r"optim.stages\[1\]: it is not said how long this stage takes\n  give epochs"),
        ([{}, {"epochs": 2}], 6, r"optim.stages\[0\]: it is not said how long"),
        ([{"epochs": 2, "until_epoch": 2}], 6, r"optim.stages\[0\]: both epochs and until_epoch are given"),
        (
            [{"until_epoch": 3}, {"until_epoch": 3}],
            6,
            r"stages\[1\].until_epoch: '3': the stages before end with epoch 3 \(allowed: > 3\)",
        ),
    ],
)
def test_stage_epochs_that_make_no_sense_are_refused(
    stages: list[dict[str, Any]], max_epochs: int | None, message: str
):
    with pytest.raises(UsageError, match=message):
        stage_epochs(stages, max_epochs)
