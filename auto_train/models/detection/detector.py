"""What every detector has: a feature pyramid, and a head that finds boxes in its levels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

from auto_train.errors import UsageError
from auto_train.models.features import FeatureMaps

Sizes = Sequence[tuple[int, int]]


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
