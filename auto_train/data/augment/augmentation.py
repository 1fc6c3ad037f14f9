"""Augmentation of whole batches as tensors, every image with random numbers of its own.

What is drawn here, for all images at once, views.py does to the pixels. RandAugment is in randaugment.py, mixup and
cutmix in mix.py.
"""

import math
from dataclasses import dataclass

import torch

from auto_train.data.augment.views import Views, view_matrices


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Draw random views of images.

    Args:
        flip: mirror left and right with probability 1/2.
        quarter_turns: turn by 0, 90, 180 or 270 degrees.
        rotate: largest rotation, degrees.
        zoom: scale drawn from 1 - zoom to 1 + zoom.
        shift: largest shift, share of the side.
        shear: largest shear, degrees.
        crop: least share of the area a random crop keeps, aspect ratio 3/4 to 4/3; 1 means no crop.
        colour: strength of brightness, contrast and saturation changes.
        erase: probability to grey out a random rectangle.
    """

    flip: bool = True
    quarter_turns: bool = False
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
        moves = self.quarter_turns or self.rotate or self.zoom or self.shift or self.shear
        is_sampled = bool(moves) or self.crop < 1 or stored_side != side
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

        angle, shear, zoom = draw(self.rotate), draw(self.shear), 1 + draw(self.zoom)
        if self.quarter_turns:
            angle += 90 * torch.randint(4, (n,), generator=generator)
        width, height = _crops(n, self.crop, generator)
        mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if self.flip else torch.ones(n)
        # The crop may lie anywhere inside the image; the shift moves it on.
        x, y = (draw(1.0) * (1 - size) + draw(2 * self.shift) for size in (width, height))
        return view_matrices(angle, shear, zoom, torch.stack([x, y]), torch.stack([width * mirror, height]))


def _crops(n: int, least: float, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return width and height of n random crops as shares of the side.

    Source: Inception's crop as in torchvision's RandomResizedCrop, whose ten tries to fit into the image are kept:
    large areas are rarer than small ones.
    """
    if least == 1:
        return torch.ones(n), torch.ones(n)
    area = 1 - torch.rand(10, n, generator=generator) * (1 - least)
    ratio = torch.exp((torch.rand(10, n, generator=generator) * 2 - 1) * math.log(4 / 3))
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()
    fits = (width <= 1) & (height <= 1)
    first = fits.int().argmax(dim=0, keepdim=True)
    nothing_fits = ~fits.any(dim=0)
    width, height = (torch.where(nothing_fits, 1.0, sizes.gather(0, first)[0]) for sizes in (width, height))
    return width, height


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
