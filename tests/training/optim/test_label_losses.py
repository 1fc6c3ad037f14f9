"""The numbers are worked out by hand from the papers' equations."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from auto_train.training.optim.label_losses import AsymmetricLoss, positive_weights
from auto_train.training.optim.losses import build_loss

LOGITS = torch.tensor([[2.0, -1.0, 0.0], [0.5, -3.0, 4.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_asymmetric_loss_without_focus_is_binary_cross_entropy():
    loss = AsymmetricLoss(gamma_negative=0, gamma_positive=0, clip=0)
    assert float(loss(LOGITS, TARGETS)) == pytest.approx(float(binary_cross_entropy_with_logits(LOGITS, TARGETS)))


def test_asymmetric_loss_has_the_value_of_the_paper():
    # one absent label of probability 1/2: its shifted probability is 0.45, the loss -(0.45 ** 4) · log(0.55)
    found = AsymmetricLoss()(torch.zeros(1, 1), torch.zeros(1, 1))
    assert float(found) == pytest.approx(-(0.45**4) * math.log(0.55), rel=1e-4)
    # present: gamma is 0, the usual cross-entropy
    assert float(AsymmetricLoss()(torch.zeros(1, 1), torch.ones(1, 1))) == pytest.approx(math.log(2))


def test_asymmetric_loss_leaves_very_easy_absences_out():
    logits = torch.full((1, 1), -5.0, requires_grad=True)  # probability 0.0067, below the clip of 0.05
    loss = AsymmetricLoss()(logits, torch.zeros(1, 1))
    loss.backward()
    assert float(loss.detach()) == 0 and float(logits.grad) == 0


@pytest.mark.parametrize("loss", [AsymmetricLoss(), build_loss("asymmetric", {"gamma_positive": 1.0})])
def test_asymmetric_loss_stays_finite_for_sure_and_wrong_answers(loss):
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    found = loss(logits, torch.tensor([[0.0, 1.0]]))
    found.backward()
    assert found.isfinite() and logits.grad.isfinite().all()


def test_positive_weights_are_near_one_for_half_and_grow_for_rare_labels():
    half, rare, common, none = positive_weights(torch.tensor([500, 10, 990, 0]), 1000).tolist()
    assert half == pytest.approx(1)
    # beta = 0.999: (1 - 0.999 ** 990) / (1 - 0.999 ** 10)
    assert rare == pytest.approx((1 - 0.999**990) / (1 - 0.999**10), rel=1e-4) and 60 < rare < 99
    assert common == pytest.approx(1 / rare, rel=1e-3)
    assert math.isfinite(none) and none > rare
