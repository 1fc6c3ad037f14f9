"""torchvision's Faster R-CNN on the feature maps of a timm backbone."""

from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

from auto_train.models.detection.detector import Detector
from auto_train.models.detection.nms import MAX_DETECTIONS

# Side of what is cut out for each proposal, and features computed from it: a quarter of torchvision's, for few cores.
SIDE, FEATURES = 7, 256


class FasterRcnn(Detector):
    """Faster R-CNN: a first stage proposes boxes, a second one looks into each.

    How many it looks into depends on the image, so there is no fixed graph to export.

    Args:
        pyramid: with ``out_channels`` and ``chosen``, its levels.
        anchors: of the first stage.
        image_size: side of the square the network sees, pixels.
    """

    has_valid_loss = False

    def __init__(self, pyramid: Any, anchors: AnchorGenerator, num_classes: int, image_size: int):
        names = [str(level) for level in range(len(pyramid.chosen))]
        model = FasterRCNN(
            pyramid,
            rpn_anchor_generator=anchors,
            box_roi_pool=MultiScaleRoIAlign(names, output_size=SIDE, sampling_ratio=2),
            box_head=TwoMLPHead(pyramid.out_channels * SIDE**2, FEATURES),
            # The first class is the background.
            box_predictor=FastRCNNPredictor(FEATURES, num_classes + 1),
            box_detections_per_img=MAX_DETECTIONS,
        )
        super().__init__(model, image_size)

    def predict(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Return the detections, (N, K, 6); in training what the first stage says of its anchors, (N, values)."""
        if self.training:
            return torch.cat([values.flatten(1) for part in self.model.rpn.head(levels) for values in part], dim=1)
        images, features = self._inputs(levels)
        proposals, _ = self.model.rpn(images, features)
        found, _ = self.model.roi_heads(features, proposals, images.image_sizes)
        return torch.stack([self._rows(boxes) for boxes in found])

    def losses(self, outputs: torch.Tensor, levels: list[torch.Tensor], boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        targets = [{**target, "labels": target["labels"] + 1} for target in self.targets(boxes)]
        images, features = self._inputs([level.float() for level in levels])
        proposals, first = self.model.rpn(images, features, targets)
        _, second = self.model.roi_heads(features, proposals, images.image_sizes, targets)
        return {f"{name.removeprefix('loss_')}_loss": loss for name, loss in {**first, **second}.items()}

    def detections(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs

    def _inputs(self, levels: list[torch.Tensor]) -> tuple[ImageList, dict[str, torch.Tensor]]:
        """Return the levels by name, and what torchvision wants to know of the images: their size."""
        count, side = len(levels[0]), self.image_size
        images = ImageList(levels[0].new_empty((count, 0, side, side)), [(side, side)] * count)
        return images, {str(i): level for i, level in enumerate(levels)}

    def _rows(self, found: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return (K, 6) rows of one image, filled up with 0."""
        codes = found["labels"].to(found["boxes"].dtype) - 1
        rows = torch.cat([found["boxes"] / self.image_size, found["scores"][:, None], codes[:, None]], dim=1)
        return nn.functional.pad(rows, (0, 0, 0, MAX_DETECTIONS - len(rows)))
