"""torchvision's detectors on the feature maps of a timm backbone: what follows the body of a network."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from auto_train.models.detection.detector import Detector, Sizes
from auto_train.models.detection.nms import CANDIDATES, select_boxes


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
        return select_boxes(shares, scores, codes, overlap=self.model.nms_thresh)

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
