"""Images of one size by position, kept in store.py or not in stream.py, and how a decoded image becomes one."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from auto_train.data.pixels.resize import resize_image

Preprocess = Callable[[torch.Tensor], torch.Tensor]

# Part of every store's name: raise it when the pixels this module makes change.
FORMAT = 3


class Pixels(Protocol):
    """What a loader reads."""

    side: int

    def __len__(self) -> int: ...

    def batch(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return (N, side, side, 3) uint8 RGB, or one channel where all images are grey; the caller may change it."""
        ...

    def batches(self, positions: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield one batch after the other, read ahead where that saves time."""
        ...


def is_grey(images: np.ndarray) -> bool:
    """Tell whether the three channels of all images (N, side, side, 3) are the same."""
    # Of photographs the first one tells.
    return all(
        (part[..., 0] == part[..., 1]).all() and (part[..., 1] == part[..., 2]).all() for part in (images[:1], images)
    )


@dataclass(frozen=True, kw_only=True)
class PixelTransform:
    """From a decoded image to stored pixels, by exactly InferenceModel's steps.

    Args:
        side: height and width of the result, pixels.
        preprocess: applied to (1, H, W, 3) uint8 before the resize.
        made_by: names how the images are decoded and preprocessed.
    """

    side: int
    preprocess: Preprocess | None = None
    made_by: str = ""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return an image (H, W, 3) uint8 as (side, side, 3) uint8."""
        if self.preprocess:
            image = self.preprocess(torch.from_numpy(np.require(image, requirements=["C", "W"]))[None])[0].numpy()
        return image if image.shape[:2] == (self.side, self.side) else resize_image(image, self.side)

    @property
    def key(self) -> str:
        """16 hex digits that are the same for the same transform."""
        return hashlib.sha256(json.dumps([FORMAT, self.side, self.made_by]).encode()).hexdigest()[:16]
