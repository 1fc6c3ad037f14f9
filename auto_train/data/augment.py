"""Augmentation of whole batches as tensors, every image with random numbers of its own.

What is drawn here, for all images at once, views.py does to the pixels. RandAugment is in randaugment.py, mixup and
cutmix in mix.py.
"""

import math
from dataclasses import dataclass

import torch

from auto_train.data.views import Views


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Draw random views of images.

    Args:
        flip: mirror left and right with probability 1/2.
        rotate: largest rotation, degrees.
        zoom: scale drawn from 1 - zoom to 1 + zoom.
        shift: largest shift, share of the side.
        shear: largest shear, degrees.
        crop: least share of the area a random crop keeps, aspect ratio 3/4 to 4/3; 1 means no crop.
        colour: strength of brightness, contrast and saturation changes.
        erase: probability to grey out a random rectangle.
    """

    flip: bool = True
    rotate: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    crop: float = 1.0
    colour: float = 0.0
    erase: float = 0.0

    def __call__(self, images: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
        """Return new views, (N, C, side, side) float32 in [0, 1], of (N, C, H, W) uint8 images."""
        return self.draw(len(images), images.shape[2], side, generator)(images)

    def draw(self, n: int, stored_side: int, side: int, generator: torch.Generator) -> Views:
        """Draw the views of n images.

        Args:
            stored_side: height and width of the images; at most a little larger than side, since pixels are sampled.
            side: height and width of the views.
        """
        is_sampled = bool(self.rotate or self.zoom or self.shift or self.shear) or self.crop < 1 or stored_side != side
        return Views(
            side=side,
            matrices=self._matrices(n, generator) if is_sampled else None,
            mirrored=torch.rand(n, generator=generator) < 0.5 if self.flip and not is_sampled else None,
            colours=1 + (torch.rand(3, n, generator=generator) * 2 - 1) * self.colour if self.colour else None,
            boxes=_boxes(n, side, self.erase, generator) if self.erase else None,
        )

    def _matrices(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Return (N, 2, 3) matrices from output to input coordinates, both in [-1, 1]."""

        def draw(limit: float) -> torch.Tensor:
            return (torch.rand(n, generator=generator) * 2 - 1) * limit

        angle, shear = torch.deg2rad(draw(self.rotate)), torch.tan(torch.deg2rad(draw(self.shear)))
        scale = 1 / (1 + draw(self.zoom))
        area = 1 - torch.rand(n, generator=generator) * (1 - self.crop)
        ratio = torch.exp(draw(math.log(4 / 3))) if self.crop < 1 else torch.ones(n)
        width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if self.flip else torch.ones(n)
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        matrices = torch.empty(n, 2, 3)
        matrices[:, 0, 0] = cos * width * mirror
        matrices[:, 0, 1] = (shear * cos - sin) * height
        matrices[:, 1, 0] = sin * width * mirror
        matrices[:, 1, 1] = (shear * sin + cos) * height
        # The crop may lie anywhere inside the image; the shift moves it on.
        matrices[:, 0, 2] = draw(1.0) * (1 - width) + draw(2 * self.shift)
        matrices[:, 1, 2] = draw(1.0) * (1 - height) + draw(2 * self.shift)
        return matrices


def _boxes(n: int, side: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Return (N, 4) first and end row, first and end column: 2 % to 33 % of the area, or nothing."""
    chosen = torch.rand(n, generator=generator) < probability
    area = 0.02 + torch.rand(n, generator=generator) * 0.31
    ratio = torch.exp((torch.rand(n, generator=generator) * 2 - 1) * math.log(3.3))
    height, width = ((area * ratio).sqrt() * side).clamp(1, side), ((area / ratio).sqrt() * side).clamp(1, side)
    top, left = (
        torch.rand(n, generator=generator) * (side - height),
        torch.rand(n, generator=generator) * (side - width),
    )
    boxes = torch.stack([top, top + height, left, left + width], dim=1).ceil().long()
    return torch.where(chosen[:, None], boxes, 0)
