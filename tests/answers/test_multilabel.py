import numpy as np
import pytest

from auto_train.answers import ModelDescription, is_served
from auto_train.answers.multilabel import Form

FORM = Form()
MODEL = ModelDescription(task="multilabel", name="blood", labels=("a", "b", "c"), facts={"thresholds": [0.5, 0.2, 0.9]})


def test_answer_names_the_labels_above_their_thresholds_the_likeliest_first():
    found = FORM.answer(np.float32([0.6, 0.7, 0.8]), MODEL)
    assert is_served("multilabel") and list(found) == ["labels", "probabilities", "thresholds", "model"]
    assert (found["labels"], found["model"]) == (["b", "a"], "blood")
    assert found["probabilities"] == pytest.approx({"a": 0.6, "b": 0.7, "c": 0.8})
    assert found["thresholds"] == {"a": 0.5, "b": 0.2, "c": 0.9}


def test_answer_may_name_no_label():
    assert FORM.answer(np.float32([0.1, 0.1, 0.1]), MODEL)["labels"] == []


def test_threshold_itself_is_enough():
    assert FORM.answer(np.float32([0.5, 0.1, 0.1]), MODEL)["labels"] == ["a"]
