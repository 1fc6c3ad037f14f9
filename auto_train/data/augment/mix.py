"""mixup and cutmix: images of a batch blended or pasted into each other, with the targets in the same shares.

Source: Zhang et al. 2018 (mixup); Yun et al. 2019 (CutMix); one draw per batch as in timm's Mixup.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Blend or paste images of one batch.

    Args:
        mixup: alpha of mixup's Beta distribution; 0 means off.
        cutmix: alpha of cutmix's Beta distribution; 0 means off.
        switch_prob: probability of cutmix when both are on.
        num_classes: width of the returned targets, where they are class numbers.
    """

    mixup: float
    cutmix: float
    switch_prob: float
    num_classes: int

    def __call__(
        self, images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mixed images and soft targets.

        Args:
            images: (N, 3, H, W) float.
            targets: (N,) class numbers, or (N, C) shares.

        Returns:
            images (N, 3, H, W) and targets (N, C) float32; of class numbers (N, num_classes) whose rows add up to 1.
        """
        use_cutmix = bool(self.cutmix) and (
            not self.mixup or torch.rand((), generator=generator).item() < self.switch_prob
        )
        share = _beta(self.cutmix if use_cutmix else self.mixup, generator)
        partner = torch.randperm(len(images), generator=generator).to(images.device)
        if use_cutmix:
            images, share = _paste(images, partner, share, generator)
        else:
            images = images.index_select(0, partner).lerp_(images, share)
        soft = F.one_hot(targets, self.num_classes).float() if targets.ndim == 1 else targets.float()
        return images, soft[partner.to(soft.device)].lerp_(soft, share)


def _paste(
    images: torch.Tensor, partner: torch.Tensor, share: float, generator: torch.Generator
) -> tuple[torch.Tensor, float]:
    height, width = images.shape[2:]
    cut = (1 - share) ** 0.5
    y, x = (torch.rand(2, generator=generator) * torch.tensor([height, width])).tolist()
    top, bottom = max(0, round(y - height * cut / 2)), min(height, round(y + height * cut / 2))
    left, right = max(0, round(x - width * cut / 2)), min(width, round(x + width * cut / 2))
    box = images[:, :, top:bottom, left:right].index_select(0, partner)
    images = images.clone()
    images[:, :, top:bottom, left:right] = box
    # The box is cut off at the border, so the true share is what was really kept.
    return images, 1 - (bottom - top) * (right - left) / (height * width)


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Draw from Beta(alpha, alpha) with this generator (torch.distributions takes none)."""
    concentration = torch.full((2,), alpha, dtype=torch.float64)
    gammas = torch._standard_gamma(concentration, generator=generator)
    return float(gammas[0] / gammas.sum()) if gammas.sum() > 0 else 0.5
