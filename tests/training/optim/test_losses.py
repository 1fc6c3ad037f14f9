"""F3.23. The numbers are worked out by hand."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from auto_train.errors import UsageError
from auto_train.training.optim.losses import ComboLoss, FocalLoss, build_loss

PRED, TARGET = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0]])
LOGITS, CLASSES = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]]), torch.tensor([0, 0])
LN2, LN43 = math.log(2), math.log(4 / 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", (3 + 4 + 0 + 1) / 4),
        ("mae", 2.0),
        ("MAE", 2.0),
        ("mse", (9 + 16 + 0 + 1) / 4),
        ("rmse", math.sqrt(6.5)),
        ("l2mae", (5 + 1) / 2),
    ],
)
def test_loss_of_numbers_has_the_value_of_its_name(name: str, expected: float):
    loss = build_loss(name)
    assert callable(loss) and float(loss(PRED, TARGET)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["ce", "cross_entropy"])
def test_cross_entropy_takes_logits_and_class_numbers(name: str):
    # probabilities of the right class: 1/2 and 3/4
    assert float(build_loss(name)(LOGITS, CLASSES)) == pytest.approx((LN2 + LN43) / 2)


@pytest.mark.parametrize("name", ["focal", "focal_loss"])
def test_focal_loss_weighs_by_the_squared_error_of_the_probability(name: str):
    assert float(build_loss(name)(LOGITS, CLASSES)) == pytest.approx((0.25 * LN2 + 0.0625 * LN43) / 2)


def test_focal_loss_of_gamma_zero_is_cross_entropy_times_alpha():
    loss = build_loss("focal", {"alpha": 0.5, "gamma": 0.0})
    assert isinstance(loss, FocalLoss)
    assert float(loss(LOGITS, CLASSES)) == pytest.approx((LN2 + LN43) / 4)


def test_bce_takes_probabilities():
    assert float(build_loss("bce")(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0]))) == pytest.approx(
        (LN2 + LN43) / 2
    )


def test_losses_have_gradients():
    for name in ("l1", "mse", "rmse", "l2mae"):
        pred = PRED.clone().requires_grad_()
        build_loss(name)(pred, TARGET).backward()
        assert pred.grad is not None and torch.isfinite(pred.grad).all() and pred.grad.any(), name


def test_loss_params_are_the_arguments_of_the_loss():
    smooth = build_loss("ce", {"label_smoothing": 0.1})
    assert isinstance(smooth, nn.CrossEntropyLoss) and smooth.label_smoothing == 0.1
    with pytest.raises(UsageError, match=r"optim.loss_params: .*'smoothing' \(allowed: weight, .*label_smoothing\)"):
        build_loss("ce", {"smoothing": 0.1})
    with pytest.raises(UsageError, match="'l2mae' takes none"):
        build_loss("l2mae", {"dim": 0})


def test_comboloss_is_the_weighted_sum_over_its_keys():
    loss = build_loss("comboloss", {"energy": ["mse", 2.0], "force": ["l2mae", 10], "charge": "mae"})
    assert isinstance(loss, ComboLoss) and isinstance(loss, nn.Module)
    pred = {"energy": torch.tensor([3.0]), "force": PRED, "charge": torch.tensor([0.5])}
    target = {"energy": torch.tensor([1.0]), "force": TARGET, "charge": torch.tensor([0.0])}
    assert float(loss(pred, target)) == pytest.approx(2.0 * 4.0 + 10 * 3.0 + 1.0 * 0.5)


@pytest.mark.parametrize("params", [None, {}])
def test_comboloss_without_parts_is_refused(params: Any):
    with pytest.raises(UsageError, match=r"optim.loss_params: 'comboloss' needs parts\n  write loss_params: \{energy"):
        build_loss("comboloss", params)


@pytest.mark.parametrize("part", [["mse"], ["mse", "x"], [1.0, "mse"], 3, ["mse", 1, 2]])
def test_comboloss_part_of_another_form_is_refused(part: Any):
    with pytest.raises(UsageError, match=r"optim.loss_params.energy: '.*' is no part \(allowed: \[loss, weight\]\)"):
        build_loss("comboloss", {"energy": part})


def test_dict_of_names_gives_a_dict_of_losses():
    losses = build_loss({"energy": "mse", "class": "ce"}, {"class": {"label_smoothing": 0.1}})
    assert isinstance(losses, dict) and list(losses) == ["energy", "class"]
    assert isinstance(losses["energy"], nn.MSELoss) and losses["class"].label_smoothing == 0.1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("loss", "params", "message"),
    [
        ("msee", None, r"optim.loss: 'msee' is no loss \(allowed: did you mean 'mse'\? known: .*comboloss"),
        ({"energy": "x"}, None, r"optim.loss.energy: 'x' is no loss"),
        ("comboloss", {"energy": ["x", 1]}, r"optim.loss_params.energy: 'x' is no loss"),
    ],
)
def test_loss_of_an_unknown_name_lists_the_known(loss: Any, params: Any, message: str):
    with pytest.raises(NotImplementedError, match=message) as caught:
        build_loss(loss, params)
    assert isinstance(caught.value, UsageError)


def test_dict_of_losses_that_cannot_be_built_is_refused():
    with pytest.raises(UsageError, match=r"optim.loss: a dict of losses needs at least one"):
        build_loss({})
    with pytest.raises(UsageError, match=r"there is no loss 'enrgy' \(allowed: did you mean 'energy'"):
        build_loss({"energy": "mse"}, {"enrgy": {}})
