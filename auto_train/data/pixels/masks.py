"""Masks of one size by position: drawn or decoded once, then read from a memory-mapped file as the pixels are.

They lie in the same kind of store, as grey images: the same room, the same locks, the same way to grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from auto_train.data.pixels.store import open_pixels
from auto_train.data.pixels.transform import Pixels
from auto_train.data.targets import Masks
from auto_train.types import Listener

# Another one whenever mask files are read otherwise, so that no store holds values of before.
MADE_BY = "masks 2"


class MaskStore:
    """Masks (side, side) by position.

    Args:
        pixels: the masks as grey images.
    """

    def __init__(self, pixels: Pixels):
        self._pixels = pixels
        self.side = pixels.side

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, positions: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return (B, side, side) uint8 class codes, IGNORE where nothing is said."""
        return torch.from_numpy(self._pixels.batch(positions)[..., 0])


def open_masks(
    masks: Masks, side: int, *, cache: Path, limit_mb: int | None = None, listener: Listener | None = None
) -> MaskStore:
    """Return the masks at one size, each pixel the class at its centre.

    Args:
        masks: in the order positions will refer to.
        side: height and width of the result, pixels.
        cache, limit_mb, listener: as open_pixels'.

    Raises:
        ImageError: a mask that cannot be decoded.
        TrainingError: the store cannot be written.
    """

    def resize(images: torch.Tensor) -> torch.Tensor:
        return choose_nearest(images, side)

    return MaskStore(
        open_pixels(
            _MaskImages(masks),
            side,
            hashes=[source.digest() for source in masks.sources],
            cache=cache,
            limit_mb=limit_mb,
            preprocess=resize,
            made_by=MADE_BY,
            listener=listener,
            what="masks",
        )
    )


def choose_nearest(images: torch.Tensor, side: int) -> torch.Tensor:
    """Return (N, side, side, C) of (N, H, W, C): each pixel the one of the image that its centre lies in."""
    rows, columns = (((2 * torch.arange(side) + 1) * size) // (2 * side) for size in images.shape[1:3])
    return images[:, rows][:, :, columns]


@dataclass(frozen=True)
class _MaskImages:
    """Masks as a store takes images."""

    masks: Masks

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, row: int, /) -> np.ndarray:
        mask = self.masks.sources[row].read()
        return np.broadcast_to(mask[:, :, None], (*mask.shape, 3))

    def size(self, row: int) -> tuple[int, int]:
        height, width = self.masks.sources[row].read().shape
        return width, height

    def name(self, row: int) -> str:
        return self.masks.sources[row].where

    def sha256(self, row: int) -> str:
        return self.masks.sources[row].digest()

    def sha256s(self, rows: Sequence[int]) -> list[str | OSError]:
        return [self.sha256(row) for row in rows]

    def take(self, rows: Sequence[int]) -> "_MaskImages":
        return _MaskImages(self.masks.take(rows))

    def reduce(self, min_side: int) -> "_MaskImages":
        return self
