"""Masks moved as the augmentation moved the pixels of their images."""

import torch
import torch.nn.functional as F

from auto_train.data.augment.views import Views, sampling_grid
from auto_train.data.targets import IGNORE


def move_masks(masks: torch.Tensor, views: Views) -> torch.Tensor:
    """Return the masks of the views of a batch's images.

    Pixels are mixed where they are sampled between, classes are not: each pixel gets the class at its place. Beyond the
    border both are reflected. What is greyed out shows no class any more and is ignored.

    Args:
        masks: (N, S, S) uint8, of the whole images, at any resolution.
        views: of all of them.

    Returns:
        (N, side, side) uint8.
    """
    if views.mirrored is not None:
        masks = torch.where(views.mirrored.to(masks.device)[:, None, None], masks.flip(2), masks)
    if views.matrices is not None:
        grid = sampling_grid(views.matrices.to(masks.device), views.side, views.side)
        pixels = masks[:, None].float()
        moved = F.grid_sample(pixels, grid, mode="nearest", padding_mode="reflection", align_corners=False)
        masks = moved[:, 0].to(torch.uint8)
    if views.boxes is not None:
        masks = masks.clone()
        for mask, (first_row, end_row, first_column, end_column) in zip(masks, views.boxes.tolist(), strict=True):
            mask[first_row:end_row, first_column:end_column] = IGNORE
    return masks
