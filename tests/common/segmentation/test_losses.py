import math

import pytest
import torch

from auto_train.common.segmentation.losses import PixelLoss
from auto_train.data.targets import IGNORE

# Two classes, four pixels: probabilities of class 1 are 1/2, 3/4, 1/4, 1/2.
SCORES = torch.tensor([[[[0.0, 0.0], [0.0, 0.0]], [[0.0, math.log(3)], [-math.log(3), 0.0]]]])
TARGETS = torch.tensor([[[0, 1], [1, IGNORE]]], dtype=torch.uint8)


def loss(*names: str, weight: torch.Tensor | None = None, targets: torch.Tensor = TARGETS) -> float:
    return float(PixelLoss(names, weight)(SCORES, targets))


def test_cross_entropy_is_the_mean_of_the_pixels_that_count():
    # Their classes have 1/2, 3/4 and 1/4.
    assert loss("ce") == pytest.approx(-(math.log(1 / 2) + math.log(3 / 4) + math.log(1 / 4)) / 3)


def test_cross_entropy_is_torchs():
    generator = torch.Generator().manual_seed(0)
    scores, weight = torch.randn(3, 5, 7, 6, generator=generator), torch.rand(5, generator=generator)
    targets = torch.randint(0, 6, (3, 7, 6), generator=generator)
    targets[targets == 5] = IGNORE
    for given in (None, weight):
        theirs = torch.nn.functional.cross_entropy(scores, targets, weight=given, ignore_index=IGNORE)
        assert float(PixelLoss(["ce"], given)(scores, targets.to(torch.uint8))) == pytest.approx(float(theirs))


def test_focal_counts_what_is_sure_less():
    expected = -(0.5**2 * math.log(1 / 2) + 0.25**2 * math.log(3 / 4) + 0.75**2 * math.log(1 / 4)) / 3
    assert loss("focal") == pytest.approx(expected)


def test_dice_is_one_less_the_overlap_with_each_class():
    # Of the pixels that count: class 0 has 1/2 of its 1, said 1/2 + 1/4 + 3/4; class 1 3/4 + 1/4 of its 2, said 1.5.
    assert loss("dice") == pytest.approx(1 - (2 * 0.5 / (1 + 1.5) + 2 * 1.0 / (2 + 1.5)) / 2)


def test_dice_leaves_classes_out_that_the_batch_does_not_show():
    only = torch.tensor([[[1, 1], [1, IGNORE]]], dtype=torch.uint8)
    assert loss("dice", targets=only) == pytest.approx(1 - 2 * 1.5 / (3 + 1.5))


def test_sums_are_sums():
    assert loss("ce", "dice") == pytest.approx(loss("ce") + loss("dice"))
    assert loss("ce", "focal", "dice") == pytest.approx(loss("ce") + loss("focal") + loss("dice"))


def test_weights_count_their_classes_more():
    weight = torch.tensor([3.0, 1.0])
    expected = -(3 * math.log(1 / 2) + math.log(3 / 4) + math.log(1 / 4)) / 5
    assert loss("ce", weight=weight) == pytest.approx(expected)
    assert loss("dice", weight=weight) == loss("dice")


@pytest.mark.parametrize("name", ["ce", "dice", "focal"])
def test_pixels_to_ignore_have_no_gradient_and_a_batch_of_them_no_loss(name: str):
    scores = SCORES.clone().requires_grad_()
    PixelLoss([name])(scores, TARGETS).backward()
    assert scores.grad is not None
    assert scores.grad[0, :, 1, 1].abs().max() == 0 and scores.grad.abs().max() > 0
    nothing = torch.full_like(TARGETS, IGNORE)
    scores.grad = None
    value = PixelLoss([name])(scores, nothing)
    value.backward()
    assert float(value.detach()) == 0 and scores.grad.abs().max() == 0


@pytest.mark.parametrize("name", ["ce", "dice", "focal"])
def test_right_and_sure_scores_have_no_loss(name: str):
    targets = torch.tensor([[[0, 1], [1, 0]]], dtype=torch.uint8)
    sure = 50.0 * torch.nn.functional.one_hot(targets.long(), 2).permute(0, 3, 1, 2)
    assert float(PixelLoss([name])(sure, targets)) == pytest.approx(0, abs=1e-6)
