import math

import pytest
import torch

from auto_train.training.average import Averages


def test_averages_are_weighted_by_count():
    averages = Averages()
    averages.add({"loss": (torch.tensor(1.0), 3), "accuracy": (0.5, 2)})
    averages.add({"loss": (torch.tensor(4.0), 1)})
    averages.add({"accuracy": (1.0, 6)})
    # (1·3 + 4·1) / 4 and (0.5·2 + 1·6) / 8
    assert averages.means() == {"loss": pytest.approx(1.75), "accuracy": pytest.approx(0.875)}


@pytest.mark.parametrize("count", [0, -1])
def test_averages_ignore_counts_of_zero_or_less(count: int):
    averages = Averages()
    averages.add({"loss": (float("nan"), count), "other": (1.0, 1)})
    assert averages.means() == {"other": 1.0}
    averages.add({"loss": (2.0, 4)})
    assert averages.means()["loss"] == 2.0


def test_averages_keep_no_graph():
    averages = Averages()
    averages.add({"loss": (torch.tensor(2.0, requires_grad=True) * 3, 1)})
    assert averages.sums == {"loss": 6.0} and type(averages.sums["loss"]) is float
    averages.add({"loss": (torch.ones(1, device="meta", requires_grad=True) * 3, 1)})
    assert not averages.sums["loss"].requires_grad


def test_averages_of_nothing_are_empty():
    assert Averages().means() == {}


def test_averages_pass_nan_on():
    averages = Averages()
    averages.add({"loss": (float("nan"), 1)})
    averages.add({"loss": (1.0, 1)})
    assert math.isnan(averages.means()["loss"])
