"""Losses of label sets: any number of labels for each image, most of them absent from most images."""

import torch
from torch import nn
from torch.nn import functional as F


class AsymmetricLoss(nn.Module):
    """Binary cross-entropy in which absent labels that are told easily count less, and very easily not at all.

    Args:
        gamma_negative, gamma_positive: how much less; 0 leaves the cross-entropy as it is.
        clip: probability below which an absent label counts nothing.

    Source: Ridnik et al. 2021, Asymmetric Loss for Multi-Label Classification, equations 4 to 7; as there, the weights
    have no gradient.
    """

    def __init__(self, gamma_negative: float = 4.0, gamma_positive: float = 0.0, clip: float = 0.05):
        super().__init__()
        self.gamma_negative, self.gamma_positive, self.clip = gamma_negative, gamma_positive, clip

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images and labels.

        Args:
            pred: (N, C) logits.
            target: (N, C) shares, 0 or 1 where nothing was mixed.
        """
        positive = pred.sigmoid()
        negative = (1 - positive + self.clip).clamp(max=1)
        present = F.logsigmoid(pred)
        absent = negative.clamp(min=1e-8).log() if self.clip else F.logsigmoid(-pred)
        with torch.no_grad():
            for_present, for_absent = (1 - positive) ** self.gamma_positive, (1 - negative) ** self.gamma_negative
        return -(target * for_present * present + (1 - target) * for_absent * absent).mean()


def positive_weights(present: torch.Tensor, count: int) -> torch.Tensor:
    """Return (C,) weights of the images that have a label, where those without it have 1.

    The weight is the effective number of images without the label over that with it. It is near the ratio of both
    for labels that are not rare, and does not grow without end for rare ones.

    Args:
        present: (C,) images that have each label.
        count: images in all.

    Source: Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples, with beta = 1 - 1 / count.
    """
    beta = 1 - 1 / max(count, 2)
    effective = [1 - beta ** number.double().clamp(min=1) for number in (count - present, present)]
    return (effective[0] / effective[1]).float()
