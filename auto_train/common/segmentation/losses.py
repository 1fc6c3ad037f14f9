"""Losses on scores for every pixel, by name, and sums of them. Pixels to ignore count in none."""

from collections.abc import Sequence

import torch
from torch import nn

from auto_train.data.targets import IGNORE

FOCAL_GAMMA = 2.0
# Keeps sums of nothing from being divided by.
MIN_SUM = 1e-6


class PixelLoss(nn.Module):
    """The sum of some losses.

    Args:
        names: ``ce``, ``dice`` or ``focal``, each at most once.
        weight: (C,) how much each class counts in ce and focal; None: all alike.
    """

    weight: torch.Tensor | None

    def __init__(self, names: Sequence[str], weight: torch.Tensor | None = None):
        super().__init__()
        self.names = tuple(names)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Take scores (N, C, H, W) float32 and class codes (N, H, W) uint8."""
        is_counted = targets != IGNORE
        codes = targets.where(is_counted, 0).long()
        log_p = scores.log_softmax(dim=1)
        own = log_p.gather(1, codes[:, None])[:, 0]
        share = is_counted.float() if self.weight is None else is_counted * self.weight[codes]
        losses = {
            "ce": lambda: -(share * own).sum() / share.sum().clamp(min=MIN_SUM),
            "focal": lambda: _focal(own, share),
            "dice": lambda: _dice(log_p, own, codes, is_counted),
        }
        return torch.stack([losses[name]() for name in self.names]).sum()


def _focal(own: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy in which what is classified well already counts less.

    Args:
        own: (N, H, W) log probability of each pixel's class.
        share: (N, H, W) how much each pixel counts.

    Source: Lin et al. 2017, Focal Loss for Dense Object Detection, equation 4.
    """
    return -(share * (1 - own.exp()) ** FOCAL_GAMMA * own).sum() / share.sum().clamp(min=MIN_SUM)


def _dice(log_p: torch.Tensor, own: torch.Tensor, codes: torch.Tensor, is_counted: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of the classes that the batch shows, on average; 0 where it shows none.

    Args:
        log_p: (N, C, H, W) log probabilities.
        own: (N, H, W) those of each pixel's class.
        codes: (N, H, W) class codes, of pixels that count.

    Source: Milletari et al. 2016, V-Net, with plain sums in the denominator, over the batch as one image.
    """
    nothing = own.new_zeros(log_p.shape[1])
    flat = codes.flatten()
    both = nothing.index_add(0, flat, (own.exp() * is_counted).flatten())
    true = nothing.index_add(0, flat, is_counted.flatten().to(own.dtype))
    said = (log_p.exp() * is_counted[:, None]).sum(dim=(0, 2, 3))
    is_shown = true > 0
    lacking = 1 - 2 * both / (said + true).clamp(min=MIN_SUM)
    return (lacking * is_shown).sum() / is_shown.sum().clamp(min=1)
