"""torchvision's detectors on the feature maps of a timm backbone: what follows the body of a network."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import FeaturePyramidNetwork

from auto_train.errors import UsageError
from auto_train.models.detection.nms import CANDIDATES, best_boxes
from auto_train.models.features import FeatureMaps

Sizes = Sequence[tuple[int, int]]
# IoU above which two boxes of a class are of one object: those of torchvision.
FCOS_OVERLAP, RETINANET_OVERLAP = 0.6, 0.5
# Of a place in a level: three sizes in three shapes.
ANCHORS = 9


class Pyramid(nn.Module):
    """A feature pyramid (FPN) on some maps of a backbone, all with the same number of channels.

    Args:
        body: the backbone.
        strides: of the maps to use, from fine to coarse.
        channels: of every level.
    """

    def __init__(self, body: FeatureMaps, strides: Sequence[int], channels: int):
        super().__init__()
        # Of several maps of a stride, as transformers have, the last knows most.
        place = {stride: i for i, stride in enumerate(body.strides)}
        missing = [stride for stride in strides if stride not in place]
        if missing or not strides or list(strides) != sorted(set(strides)):
            shown = ", ".join(map(str, missing))
            raise UsageError(
                f"the backbone has no features of stride {shown}" if missing else f"{list(strides)}",
                where="[architecture] strides",
                allowed=", ".join(map(str, place)) + ", from fine to coarse",
            )
        self.chosen, self.out_channels = [place[stride] for stride in strides], channels
        self.fpn = FeaturePyramidNetwork([body.channels[i] for i in self.chosen], channels)

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map the backbone's maps to the levels (N, channels, h, w), the finest first."""
        levels: dict[str, torch.Tensor] = self.fpn({str(i): maps[i] for i in self.chosen})
        return list(levels.values())


class Detector(nn.Module):
    """What follows a body: a pyramid, and a head that finds boxes in its levels.

    Args:
        model: torchvision's detector whose backbone is a Pyramid; its own forward is not used.
        image_size: side of the square the network sees, pixels.
    """

    # Whether its losses can be told in evaluation too.
    has_valid_loss = True

    def __init__(self, model: Any, image_size: int):
        super().__init__()
        self.model, self.image_size = model, image_size

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Map the body's feature maps to outputs, which only this class can read."""
        return self.predict(self.levels(maps))

    def levels(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map the body's feature maps to the levels of the pyramid."""
        found: list[torch.Tensor] = self.model.backbone(maps)
        return found

    def predict(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Map the levels of the pyramid to outputs."""
        raise NotImplementedError

    def losses(self, outputs: torch.Tensor, levels: list[torch.Tensor], boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the parts of the loss.

        Args:
            outputs: what predict() has made of the levels, in float32.
            boxes: (N, K, 5) code, left, top, right, bottom as shares; rows of a negative code hold none.
        """
        raise NotImplementedError

    def detections(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return (N, K, 6): left, top, right, bottom as shares of the image, confidence, class code.

        The most confident come first; rows after the last one are all 0.
        """
        raise NotImplementedError

    def targets(self, boxes: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        """Return boxes as torchvision takes them: for each image in pixels, with class codes."""
        there = [rows[rows[:, 0] >= 0] for rows in boxes]
        return [{"boxes": rows[:, 1:] * self.image_size, "labels": rows[:, 0].long()} for rows in there]


class OneStage(Detector):
    """A detector with a fixed set of anchors, of which each is told its class and its box.

    Args:
        model: torchvision's FCOS or RetinaNet; its head, anchors and losses are used.
        sizes: height and width of each level.
        strides: of the levels.
        image_size: side of the square the network sees, pixels.
    """

    anchors: torch.Tensor
    # Outputs of the head beside those of classes and boxes.
    more: ClassVar[Mapping[str, int]] = {}

    def __init__(self, model: Any, sizes: Sizes, strides: Sequence[int], image_size: int):
        super().__init__(model, image_size)
        self.widths = {"cls_logits": model.head.classification_head.num_classes, "bbox_regression": 4, **self.more}
        steps = [[torch.tensor(stride), torch.tensor(stride)] for stride in strides]
        anchors = model.anchor_generator.grid_anchors([list(size) for size in sizes], steps)
        self.level_sizes = [len(level) for level in anchors]
        self.register_buffer("anchors", torch.cat(anchors), persistent=False)

    def predict(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Return (N, A, C + 4) or (N, A, C + 5): logits of the classes, place of the box, FCOS's centre-ness."""
        parts = self.model.head(levels)
        return torch.cat([parts[name] for name in self.widths], dim=2)

    def losses(self, outputs: torch.Tensor, levels: list[torch.Tensor], boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.loss_of(self.targets(boxes), self._parts(outputs), [self.anchors] * len(boxes))
        return {f"{name}_loss": loss for name, loss in found.items()}

    def detections(self, outputs: torch.Tensor) -> torch.Tensor:
        parts = self._parts(outputs)
        scores = self.scores_of(parts).flatten(1)
        scores, places = scores.topk(min(CANDIDATES, scores.shape[1]))
        num_classes = self.widths["cls_logits"]
        rows, codes = places // num_classes, places % num_classes
        regressed = parts["bbox_regression"].gather(1, rows[..., None].expand(-1, -1, 4))
        boxes = self.boxes_of(regressed, self.anchors[rows])
        shares = boxes.clamp(0, self.image_size) / self.image_size
        return best_boxes(shares, scores, codes, overlap=self.model.nms_thresh)

    def _parts(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return dict(zip(self.widths, outputs.split(list(self.widths.values()), dim=2), strict=True))

    def loss_of(self, targets: Any, parts: dict[str, torch.Tensor], anchors: list[torch.Tensor]) -> Any:
        """Return torchvision's losses by name."""
        raise NotImplementedError

    def scores_of(self, parts: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return (N, A, C) confidences."""
        raise NotImplementedError

    def boxes_of(self, regressed: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        """Return (N, T, 4) boxes in pixels from what the head gives for (N, T, 4) anchors."""
        raise NotImplementedError


class Fcos(OneStage):
    """FCOS: every place of a level says its class, its distances to the edges of a box, and how central it is."""

    more: ClassVar[Mapping[str, int]] = {"bbox_ctrness": 1}

    def loss_of(self, targets: Any, parts: dict[str, torch.Tensor], anchors: list[torch.Tensor]) -> Any:
        return self.model.compute_loss(targets, parts, anchors, self.level_sizes)

    def scores_of(self, parts: dict[str, torch.Tensor]) -> torch.Tensor:
        return (parts["cls_logits"].sigmoid() * parts["bbox_ctrness"].sigmoid()).sqrt()

    def boxes_of(self, regressed: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model.box_coder.decode(regressed, anchors)
        return found


class Retina(OneStage):
    """RetinaNet: nine anchors at every place of a level, each with a class and a correction."""

    def loss_of(self, targets: Any, parts: dict[str, torch.Tensor], anchors: list[torch.Tensor]) -> Any:
        return self.model.compute_loss(targets, parts, anchors)

    def scores_of(self, parts: dict[str, torch.Tensor]) -> torch.Tensor:
        return parts["cls_logits"].sigmoid()

    def boxes_of(self, regressed: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model.box_coder.decode_single(regressed.flatten(0, 1), anchors.flatten(0, 1))
        return found.unflatten(0, regressed.shape[:2])


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

        return FasterRcnn(pyramid, anchors_of(strides), num_classes, image_size)
    sizes = _sizes(body, pyramid, image_size)
    if name == "retinanet":
        # As of torchvision's second version: norms, without which it learns slowly, and the loss of FCOS for boxes.
        head = RetinaNetHead(channels, ANCHORS, num_classes, norm_layer=partial(nn.GroupNorm, 32))
        head.regression_head._loss_type = "giou"
        model = RetinaNet(
            pyramid, num_classes, anchor_generator=anchors_of(strides), head=head, nms_thresh=RETINANET_OVERLAP
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


def anchors_of(strides: Sequence[int]) -> AnchorGenerator:
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
