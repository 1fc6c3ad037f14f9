import numpy as np
import pytest

from auto_train.answers import ModelDescription
from auto_train.answers.classification import Form

FORM = Form()


def model(*labels: str) -> ModelDescription:
    return ModelDescription(task="classification", name="mnist", labels=labels)


def test_answer_names_the_likeliest_class_in_percent():
    found = FORM.answer(np.float32([0.0269, 0.9731]), model("3", "7"))
    assert list(found) == ["prediction", "confidence", "probabilities", "model"]
    # The form of the original: two decimals and a percent sign (F2.11).
    assert (found["prediction"], found["confidence"], found["model"]) == ("7", "97.31%", "mnist")
    assert found["probabilities"] == pytest.approx({"3": 0.0269, "7": 0.9731})
    assert all(type(value) is float for value in found["probabilities"].values())


def test_certainty_is_100_percent():
    assert FORM.answer(np.float32([1, 0]), model("a", "b"))["confidence"] == "100.00%"
