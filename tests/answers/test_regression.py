import math

import numpy as np
import pytest

from auto_train.answers import ModelDescription
from auto_train.answers.regression import Form

FACTS = {"units": ["years", ""], "interval": 0.9}
MODEL = ModelDescription(task="regression", name="trees", labels=("age", "height"), facts=FACTS)


def test_answer_has_value_interval_and_unit_of_every_column():
    found = Form().answer(np.float32([[12, 10, 14], [3.5, 3.25, 3.75]]), MODEL)
    assert list(found) == ["values", "interval", "model"]
    assert found["values"]["age"] == {"value": 12.0, "low": 10.0, "high": 14.0, "unit": "years"}
    assert found["values"]["height"] == {"value": 3.5, "low": 3.25, "high": 3.75, "unit": ""}
    assert (found["interval"], found["model"]) == (0.9, "trees")


def test_answers_are_apart_in_widths_of_their_intervals():
    difference = Form().difference
    expected = np.float32([[[300_000, 250_000, 350_000], [0.5, 0.4, 0.6]]])
    assert difference(expected, expected) == 0
    assert difference(expected, expected + np.float32([[[1000], [0]]])) == pytest.approx(0.01, rel=1e-3)
    assert difference(expected, expected + np.float32([[[0], [0.02]]])) == pytest.approx(0.1, rel=1e-3)
    assert math.isnan(difference(expected, expected * np.nan))


def test_answers_without_intervals_are_apart_in_thousandths():
    difference = Form().difference
    assert difference(np.full((1, 1, 3), 2000.0), np.full((1, 1, 3), 2001.0)) == pytest.approx(0.5)
