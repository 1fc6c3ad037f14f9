import numpy as np
import pytest

from auto_train.common.answers import answer_function, classification_answer
from auto_train.errors import BundleError


def test_answer_names_the_likeliest_class_in_percent():
    answer = classification_answer(np.float32([0.0269, 0.9731]), ["3", "7"], "mnist")
    assert list(answer) == ["prediction", "confidence", "probabilities", "model"]
    # The form of the original: two decimals and a percent sign (F2.11).
    assert (answer["prediction"], answer["confidence"], answer["model"]) == ("7", "97.31%", "mnist")
    assert answer["probabilities"] == pytest.approx({"3": 0.0269, "7": 0.9731})
    assert all(type(value) is float for value in answer["probabilities"].values())


def test_certainty_is_100_percent():
    assert classification_answer(np.float32([1, 0]), ["a", "b"], "m")["confidence"] == "100.00%"


def test_task_that_is_not_served_lists_those_that_are():
    assert answer_function("classification") is classification_answer
    with pytest.raises(BundleError, match=r"the model's task 'poetry' cannot be served \(allowed: classification"):
        answer_function("poetry")
