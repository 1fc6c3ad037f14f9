"""A detector by its name, with random weights."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetHead

from auto_train.models.detection.detector import Detector, Pyramid, Sizes
from auto_train.models.detection.one_stage import Fcos, Retina
from auto_train.models.features import FeatureMaps


def create_detector(
    name: str, body: FeatureMaps, num_classes: int, *, image_size: int, strides: Sequence[int], channels: int
) -> Detector:
    """Return what follows a body, with random weights.

    Args:
        name: fcos, retinanet or faster_rcnn.
        strides: of the feature maps to use, from fine to coarse.
        channels: of the pyramid and the head, a multiple of 32.

    Raises:
        UsageError: the body has no such map.
    """
    pyramid = Pyramid(body, strides, channels)
    if name == "faster_rcnn":
        from auto_train.models.detection.two_stage import FasterRcnn

        return FasterRcnn(pyramid, create_anchors(strides), num_classes, image_size)
    sizes = _sizes(body, pyramid, image_size)
    if name == "retinanet":
        # As of torchvision's second version: norms, without which it learns slowly, and the loss of FCOS for boxes.
        head = RetinaNetHead(channels, ANCHORS, num_classes, norm_layer=partial(nn.GroupNorm, 32))
        head.regression_head._loss_type = "giou"
        model = RetinaNet(
            pyramid, num_classes, anchor_generator=create_anchors(strides), head=head, nms_thresh=RETINANET_OVERLAP
        )
        return Retina(model, sizes, strides, image_size)
    points = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * len(strides))
    model = FCOS(
        pyramid,
        num_classes,
        anchor_generator=points,
        head=FCOSHead(channels, 1, num_classes),
        nms_thresh=FCOS_OVERLAP,
    )
    return Fcos(model, sizes, strides, image_size)


def create_anchors(strides: Sequence[int]) -> AnchorGenerator:
    """Return nine anchors for a place of a level: three sizes from four strides on, three shapes, as of RetinaNet."""
    sizes = [tuple(int(4 * stride * 2 ** (third / 3)) for third in range(3)) for stride in strides]
    return AnchorGenerator(tuple(sizes), ((0.5, 1.0, 2.0),) * len(strides))


@torch.no_grad()
def _sizes(body: FeatureMaps, pyramid: Pyramid, image_size: int) -> Sizes:
    """Return height and width of each level."""
    was_training = body.training
    maps = body.eval()(torch.zeros(1, 3, image_size, image_size))
    body.train(was_training)
    return [(maps[i].shape[2], maps[i].shape[3]) for i in pyramid.chosen]


# IoU above which two boxes of a class are of one object: those of torchvision.
FCOS_OVERLAP, RETINANET_OVERLAP = 0.6, 0.5


# Of a place in a level: three sizes in three shapes.
ANCHORS = 9
