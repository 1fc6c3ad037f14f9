"""Augmentation of whole batches as tensors, every image with random numbers of its own.

One sampling of the pixels serves flip, rotation, zoom, shift, shear and crop together. RandAugment is in
randaugment.py, mixup and cutmix in mix.py.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F


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
        """Return new views.

        Args:
            images: (N, 3, H, W) float32 in [0, 1]; at most a little larger than side, since pixels are sampled.
            side: height and width of the views.

        Returns:
            (N, 3, side, side) float32 in [0, 1].
        """
        if self.rotate or self.zoom or self.shift or self.shear or self.crop < 1 or images.shape[2] != side:
            images = _sample(images, self._matrices(len(images), generator), side)
        elif self.flip:
            mirrored = torch.rand(len(images), generator=generator) < 0.5
            images = torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(3), images)
        if self.colour:
            images = _change_colour(images, self.colour, generator)
        if self.erase:
            images = _erase(images, self.erase, generator)
        return images

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


def _sample(images: torch.Tensor, matrices: torch.Tensor, side: int) -> torch.Tensor:
    grid = F.affine_grid(matrices.to(images.device), [len(images), 3, side, side], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _change_colour(images: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    def factor() -> torch.Tensor:
        drawn = 1 + (torch.rand(len(images), generator=generator) * 2 - 1) * strength
        return drawn.to(images.device)[:, None, None, None]

    brightness, contrast, saturation = factor(), factor(), factor()
    grey = luminance(images)
    images = grey + (images - grey) * saturation
    mean = grey.mean(dim=(2, 3), keepdim=True)
    return ((mean + (images - mean) * contrast) * brightness).clamp_(0, 1)


def _erase(images: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    n, _, height, width = images.shape
    chosen = torch.rand(n, generator=generator) < probability
    area = 0.02 + torch.rand(n, generator=generator) * 0.31
    ratio = torch.exp((torch.rand(n, generator=generator) * 2 - 1) * math.log(3.3))
    h, w = ((area * ratio).sqrt() * height).clamp(1, height), ((area / ratio).sqrt() * width).clamp(1, width)
    top = torch.rand(n, generator=generator) * (height - h)
    left = torch.rand(n, generator=generator) * (width - w)
    rows, columns = torch.arange(height), torch.arange(width)
    inside_rows = (rows >= top[:, None]) & (rows < (top + h)[:, None]) & chosen[:, None]
    inside_columns = (columns >= left[:, None]) & (columns < (left + w)[:, None])
    mask = (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None].to(images.device)
    return torch.where(mask, images.mean(dim=(2, 3), keepdim=True), images)


def luminance(images: torch.Tensor) -> torch.Tensor:
    """Return (N, 1, H, W) grey images by the weights of ITU-R BT.601."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device, dtype=images.dtype)
    return torch.einsum("nchw,c->nhw", images, weights)[:, None]
