import math

import numpy as np
import pytest

from auto_train.answers import answer_form, built_in_tasks, is_served
from auto_train.answers.classification import Form
from auto_train.errors import BundleError


def test_form_of_a_task_is_that_of_its_file():
    assert isinstance(answer_form("classification"), Form)
    assert built_in_tasks() == ["classification", "multilabel", "object_detection", "regression", "segmentation"]


@pytest.mark.parametrize("task", ["poetry", "no.such", "", "__init__", "base", "draw", "words"])
def test_task_that_is_not_served_lists_those_that_are(task: str):
    assert not is_served(task)
    with pytest.raises(BundleError, match=rf"the model's task '{task}' cannot be served \(allowed: classification"):
        answer_form(task)


def test_answers_are_as_far_apart_as_their_numbers():
    difference = answer_form("classification").difference
    assert difference(np.float32([[0.5, 0.5]]), np.float32([[0.25, 0.75]])) == 0.25
    assert math.isnan(difference(np.float32([[0.5]]), np.float32([[np.nan]])))
    assert difference(np.zeros((1, 0)), np.zeros((1, 0))) == 0
