from collections import OrderedDict

import pytest
import torch
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from auto_train.data.augment.boxes import NO_BOX
from auto_train.errors import UsageError
from auto_train.models.detection.create import create_detector
from auto_train.models.detection.nms import MAX_DETECTIONS
from auto_train.models.features import FeatureMaps, create_timm_features

SIDE = 64
# Two images: with two boxes, and with none.
BOXES = torch.tensor(
    [[[0, 0.1, 0.1, 0.5, 0.6], [2, 0.5, 0.4, 0.9, 0.8]], [[NO_BOX, 0, 0, 0, 0], [-2, 0.1, 0.1, 0.9, 0.9]]]
)


def body() -> FeatureMaps:
    torch.manual_seed(0)
    return create_timm_features("resnet18", image_size=SIDE, channels=(8, 16, 32, 64))


def network(name: str) -> nn.Sequential:
    trunk = body()
    detector = create_detector(name, trunk, 3, image_size=SIDE, strides=[8, 16, 32], channels=32)
    # As after training: confidences far from each other, so that their order does not hang on a last digit.
    for layer, parameter in detector.named_parameters():
        if "cls_logits" in layer:
            nn.init.normal_(parameter, std=0.2)
    return nn.Sequential(trunk, detector)


def images() -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


class Body(nn.Module):
    """The body and pyramid of a network, as torchvision's detectors want them."""

    def __init__(self, net: nn.Sequential):
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        levels = self.net[1].levels(self.net[0](images))
        return OrderedDict((str(i), level) for i, level in enumerate(levels))


def as_torchvision(net: nn.Sequential) -> nn.Module:
    """Return torchvision's own detector with the parts of a network, which takes images as they are."""
    model = net[1].model
    model.backbone = Body(nn.Sequential(net[0], _Keeps(net[1].model.backbone)))
    model.transform = GeneralizedRCNNTransform(SIDE, SIDE, [0.0] * 3, [1.0] * 3)
    return model


class _Keeps(nn.Module):
    def __init__(self, pyramid: nn.Module):
        super().__init__()
        self.levels = pyramid


def targets() -> list[dict[str, torch.Tensor]]:
    there = [rows[rows[:, 0] >= 0] for rows in BOXES]
    return [{"boxes": rows[:, 1:] * SIDE, "labels": rows[:, 0].long()} for rows in there]


@pytest.mark.parametrize("name", ["fcos", "retinanet"])
def test_losses_are_those_of_torchvisions_own_forward(name: str):
    net = network(name).eval()
    levels = net[1].levels(net[0](images()))
    ours = net[1].losses(net[1].predict(levels), levels, BOXES)
    theirs = as_torchvision(net)
    # The norms of the body stay in evaluation mode: only torchvision's own switch decides what forward returns.
    theirs.training = True
    expected = theirs(list(images()), targets())
    assert {name.removesuffix("_loss"): loss.item() for name, loss in ours.items()} == pytest.approx(
        {name: loss.item() for name, loss in expected.items()}, rel=1e-4
    )
    assert all(loss > 0 for loss in ours.values())


@pytest.mark.parametrize("name", ["fcos", "retinanet"])
def test_detections_are_those_of_torchvisions_own_forward(name: str):
    net = network(name).eval()
    with torch.no_grad():
        found = net[1].detections(net(images()))
        theirs = as_torchvision(net)
        theirs.score_thresh, theirs.detections_per_img = 0.01, MAX_DETECTIONS
        expected = theirs(list(images()))
    for rows, one in zip(found, expected, strict=True):
        best = rows[:20]
        assert best[:, :4] * SIDE == pytest.approx(one["boxes"][:20].numpy(), abs=1e-3)
        assert best[:, 4] == pytest.approx(one["scores"][:20].numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ["fcos", "retinanet", "faster_rcnn"])
def test_every_part_learns(name: str):
    net = network(name).train()
    levels = net[1].levels(net[0](images()))
    sum(net[1].losses(net[1].predict(levels).float(), levels, BOXES).values()).backward()
    missing = [name for name, parameter in net.named_parameters() if parameter.grad is None]
    # What lies behind the last map that is used gets no gradient, and there is nothing of it here.
    assert not missing


@pytest.mark.parametrize("name", ["fcos", "retinanet", "faster_rcnn"])
def test_images_without_a_box_have_a_loss_and_no_nan(name: str):
    net = network(name).train()
    levels = net[1].levels(net[0](images()))
    nothing = torch.full((2, 1, 5), float(NO_BOX))
    losses = net[1].losses(net[1].predict(levels).float(), levels, nothing)
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("name", ["fcos", "retinanet", "faster_rcnn"])
def test_detections_are_rows_of_six_in_the_image(name: str):
    net = network(name).eval()
    with torch.no_grad():
        found = net[1].detections(net(images()))
    assert found.shape[0] == 2 and found.shape[1] <= MAX_DETECTIONS and found.shape[2] == 6
    assert found[..., :4].min() >= 0 and found[..., :4].max() <= 1
    assert set(found[..., 5].unique().tolist()) <= {0, 1, 2}


def test_stride_that_the_body_has_not_is_refused():
    with pytest.raises(UsageError, match=r"no features of stride 64 \(allowed: 2, 4, 8, 16, 32, from fine to coarse\)"):
        create_detector("fcos", body(), 3, image_size=SIDE, strides=[16, 64], channels=32)


def test_one_level_is_enough():
    trunk = body()
    detector = create_detector("fcos", trunk, 3, image_size=SIDE, strides=[16], channels=32)
    assert detector(trunk(images())).shape == (2, (SIDE // 16) ** 2, 3 + 4 + 1)
