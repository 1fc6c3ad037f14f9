"""RandAugment on batches: every image draws its own operations and magnitudes.

Source: Cubuk et al., RandAugment (2019); the notation (rand-m9-mstd0.5-inc1), the operations and their ranges are those
of timm's auto_augment.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import functional as tv

from auto_train.config.randaugment import read_randaugment
from auto_train.data.augment.views import luminance, sampling_grid

# An operation gets (N, C, H, W) float images in [0, 1], levels (N,) in [0, 1] and signs (N,) of -1 or 1.
Operation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def _column(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]


def _blend(base: torch.Tensor, images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Move images away from base (strength up to 1) or towards it (down to -1): the enhance operations."""
    return (base + (images - base) * _column(1 + 0.9 * strength)).clamp(0, 1)


def _colour(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return _blend(luminance(images), images, strength)


def _contrast(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return _blend(luminance(images).mean(dim=(2, 3), keepdim=True), images, strength)


def _brightness(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return _blend(torch.zeros_like(images), images, strength)


def _sharpness(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    # Pillow's SMOOTH: each pixel five times and its eight neighbours, over 13; the border stays.
    rows = images[:, :, :-2] + images[:, :, 1:-1] + images[:, :, 2:]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    blurred = images.clone()
    blurred[:, :, 1:-1, 1:-1].mul_(4).add_(around).div_(13)
    return _blend(blurred, images, strength)


def _warp(images: torch.Tensor, **entries: torch.Tensor) -> torch.Tensor:
    matrices = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    for name, values in entries.items():
        matrices[:, int(name[1]), int(name[2])] = values
    grid = sampling_grid(matrices, *images.shape[2:])
    # Grey (128) fills what moves in from outside, as in timm.
    return F.grid_sample(images - 0.5, grid, padding_mode="zeros", align_corners=False) + 0.5


def _rotate(images: torch.Tensor, levels: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    angle = torch.deg2rad(30 * levels * signs)
    return _warp(images, m00=angle.cos(), m01=-angle.sin(), m10=angle.sin(), m11=angle.cos())


def _posterize(images: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    # At least one bit: timm's 0 would leave a black image.
    step = _column(2.0 ** (8 - bits.clamp(min=1)))
    return ((images * 255).round() / step).floor() * step / 255


def _solarize(images: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    return torch.where(images >= _column(threshold), 1 - images, images)


def _solarize_add(images: torch.Tensor, levels: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    return torch.where(images < 0.5, (images + _column(levels * 110 / 255)).clamp(max=1), images)


def _equalize(images: torch.Tensor, levels: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    return tv.equalize((images * 255).round().to(torch.uint8)).float() / 255


OPERATIONS: dict[str, Operation] = {
    "autocontrast": lambda x, m, s: tv.autocontrast(x),
    "equalize": _equalize,
    "invert": lambda x, m, s: 1 - x,
    "rotate": _rotate,
    "posterize": lambda x, m, s: _posterize(x, (4 * m).floor()),
    "solarize": lambda x, m, s: _solarize(x, m),
    "solarize_add": _solarize_add,
    "colour": lambda x, m, s: _colour(x, 2 * m - 1),
    "contrast": lambda x, m, s: _contrast(x, 2 * m - 1),
    "brightness": lambda x, m, s: _brightness(x, 2 * m - 1),
    "sharpness": lambda x, m, s: _sharpness(x, 2 * m - 1),
    # Along the upper or left edge nothing moves: its coordinate is -1.
    "shear_x": lambda x, m, s: _warp(x, m01=0.3 * m * s, m02=0.3 * m * s),
    "shear_y": lambda x, m, s: _warp(x, m10=0.3 * m * s, m12=0.3 * m * s),
    # timm moves by at most 0.45 of the side; coordinates run from -1 to 1.
    "translate_x": lambda x, m, s: _warp(x, m02=0.9 * m * s),
    "translate_y": lambda x, m, s: _warp(x, m12=0.9 * m * s),
}
# The same, each stronger with its level in either direction; above, level 5 of an enhance operation changes nothing.
INCREASING = OPERATIONS | {
    "posterize": lambda x, m, s: _posterize(x, 4 - (4 * m).floor()),
    "solarize": lambda x, m, s: _solarize(x, 1 - m),
    "colour": lambda x, m, s: _colour(x, m * s),
    "contrast": lambda x, m, s: _contrast(x, m * s),
    "brightness": lambda x, m, s: _brightness(x, m * s),
    "sharpness": lambda x, m, s: _sharpness(x, m * s),
}


@dataclass(frozen=True, kw_only=True)
class RandAugment:
    """Apply num_ops random operations to every image.

    Args:
        magnitude: 0 to 10.
        std: standard deviation of the magnitude from image to image.
        num_ops: operations per image.
        probability: of each operation to take place.
        increasing: every operation is stronger with its magnitude.
    """

    magnitude: float = 10.0
    std: float = 0.0
    num_ops: int = 2
    probability: float = 0.5
    increasing: bool = False

    @classmethod
    def parse(cls, text: str) -> "RandAugment":
        """Read timm's notation; what it does not say has timm's defaults.

        Raises:
            UsageError: for a part that is not understood.
        """
        found = read_randaugment(text)
        return cls(
            magnitude=found.get("m", cls.magnitude),
            std=found.get("mstd", cls.std),
            num_ops=int(found.get("n", cls.num_ops)),
            probability=found.get("p", cls.probability),
            increasing=bool(found.get("inc", cls.increasing)),
        )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return augmented images: (N, C, H, W) float32 in [0, 1], as they came."""
        return self.draw(len(images), generator)(images)

    def draw(self, n: int, generator: torch.Generator) -> "Operations":
        """Draw the operations of n images."""
        return Operations(rounds=[self._round(n, generator) for _ in range(self.num_ops)], increasing=self.increasing)

    def _round(self, n: int, generator: torch.Generator) -> torch.Tensor:
        choice = torch.randint(len(OPERATIONS), (n,), generator=generator)
        choice[torch.rand(n, generator=generator) >= self.probability] = -1
        levels = (self.magnitude + self.std * torch.randn(n, generator=generator)).clamp(0, 10) / 10
        signs = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
        return torch.stack([choice, levels, signs])


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Drawn operations on the N images of a batch.

    Attributes:
        rounds: one after the other, each (3, N): number of the operation or -1, level, sign.
        increasing: as RandAugment's.
    """

    rounds: list[torch.Tensor]
    increasing: bool

    def __call__(self, images: torch.Tensor, rows: slice = slice(None)) -> torch.Tensor:
        """Return augmented images.

        Args:
            images: (n, C, H, W) float32 in [0, 1].
            rows: which of the batch they are; by default all of them.
        """
        table = list((INCREASING if self.increasing else OPERATIONS).values())
        for drawn in self.rounds:
            choice, levels, signs = drawn[:, rows]
            images = images.clone()
            for number in choice.unique().int().tolist():
                if number >= 0:
                    chosen = (choice == number).nonzero()[:, 0]
                    picked = images.index_select(0, chosen.to(images.device))
                    changed = table[number](picked, levels[chosen].to(images), signs[chosen].to(images))
                    for i, image in zip(chosen.tolist(), changed, strict=True):
                        images[i] = image
        return images
