"""Decoders: from the feature maps of a body to a score for every class at every pixel."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

# Channels of the U-Net's maps from the coarsest to the finest; and of all maps of the FPN.
UNET_WIDTHS, FPN_WIDTH = (128, 96, 64, 32, 16), 96
# Finer maps than this cost the FPN more than they tell it.
FPN_STRIDE = 4


class UNet(nn.Module):
    """Doubles the resolution step by step, each time with the body's map of that resolution beside it.

    Answers at full resolution; good at thin and small things.

    Args:
        channels, strides: of the body's maps, the finest first.
        num_classes: scores for each pixel.
        drop_rate: dropout of whole channels before the last layer.

    Source: Ronneberger et al. 2015, U-Net, with a pretrained encoder as in TernausNet (2018), and batch norm.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], num_classes: int, drop_rate: float = 0.0):
        super().__init__()
        skips = list(reversed(channels[:-1]))
        widths = [UNET_WIDTHS[min(i, len(UNET_WIDTHS) - 1)] for i in range(len(skips))]
        coming = [channels[-1], *widths]
        blocks = zip(coming[:-1], skips, widths, strict=True)
        self.blocks = nn.ModuleList(_two(before + skip, width) for before, skip, width in blocks)
        self.stride, last = strides[0], coming[-1]
        if self.stride > 1:  # no map of the body is as fine as the image
            self.finest, last = _make_block(last, UNET_WIDTHS[-1]), UNET_WIDTHS[-1]
        self.head = nn.Sequential(nn.Dropout2d(drop_rate), nn.Conv2d(last, num_classes, 1))

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (N, num_classes, S, S) of the maps of images (N, 3, S, S)."""
        features = maps[-1]
        for skip, block in zip(reversed(maps[:-1]), self.blocks, strict=True):
            features = F.interpolate(features, size=skip.shape[-2:], mode="nearest")
            features = block(torch.cat([features, skip], dim=1))
        if self.stride > 1:
            features = self.finest(F.interpolate(features, scale_factor=float(self.stride), mode="nearest"))
        scores: torch.Tensor = self.head(features)
        return scores


class FPN(nn.Module):
    """Brings all maps to as many channels and adds them up from coarse to fine; one layer scores the sum.

    A few times faster than the U-Net. Answers at a quarter of the resolution, which is enlarged smoothly.

    Args:
        channels, strides, num_classes, drop_rate: as UNet's.

    Source: Kirillov et al. 2019, Panoptic Feature Pyramid Networks, with one merged level in place of its four.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], num_classes: int, drop_rate: float = 0.0):
        super().__init__()
        coarse = [i for i, stride in enumerate(strides) if stride >= FPN_STRIDE]
        self.first = coarse[0] if len(coarse) > 1 else 0
        self.laterals = nn.ModuleList(nn.Conv2d(count, FPN_WIDTH, 1) for count in channels[self.first :])
        self.smooth = _make_block(FPN_WIDTH, FPN_WIDTH)
        self.head = nn.Sequential(nn.Dropout2d(drop_rate), nn.Conv2d(FPN_WIDTH, num_classes, 1))

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (N, num_classes, s, s) of the maps of images, s the side of the finest map that is used."""
        laterals = [layer(features) for layer, features in zip(self.laterals, maps[self.first :], strict=True)]
        features = laterals[-1]
        for lateral in reversed(laterals[:-1]):
            features = lateral + F.interpolate(features, size=lateral.shape[-2:], mode="nearest")
        scores: torch.Tensor = self.head(self.smooth(features))
        return scores


# By the names of [architecture] decoder.
DECODERS: dict[str, Callable[..., nn.Module]] = {"unet": UNet, "fpn": FPN}


def _make_block(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _two(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_make_block(inputs, outputs), *_make_block(outputs, outputs))
