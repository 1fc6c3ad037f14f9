"""Boxes on the way through the augmentation: where the pixels they surround have gone."""

import torch

from auto_train.data.augment.views import Views

# A box of which less than this share stays inside of the view is not asked for any more: what is left of the object
# may not tell what it is.
MIN_SHARE = 0.3
# Code of a row that holds no box.
NO_BOX = -1


def move_boxes(boxes: torch.Tensor, views: Views) -> torch.Tensor:
    """Return the boxes of a batch as its views show them, cut at the edge; rows of boxes that are out hold none.

    Where a view is turned or sheared, the box around the moved corners is taken, which is larger than the object.

    Args:
        boxes: (B, K, 5) code, left, top, right, bottom; as shares of the image.
    """
    if views.matrices is not None:
        corners = _move_boxes(boxes[..., 1:], views.matrices.to(boxes.device))
    elif views.mirrored is not None:
        left, top, right, bottom = boxes[..., 1:].unbind(dim=2)
        mirrored = torch.stack([1 - right, top, 1 - left, bottom], dim=2)
        corners = torch.where(views.mirrored.to(boxes.device)[:, None, None], mirrored, boxes[..., 1:])
    else:
        return boxes
    inside = corners.clamp(0, 1)
    stays = area_of(inside) > MIN_SHARE * area_of(corners)
    codes = torch.where(stays, boxes[..., 0], float(NO_BOX))
    return torch.cat([codes[..., None], inside], dim=2)


def area_of(corners: torch.Tensor) -> torch.Tensor:
    """Return the areas (…) of boxes (…, 4)."""
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])


def _move_boxes(corners: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Return (B, K, 4) boxes around what matrices (B, 2, 3), from the view to the image, make of (B, K, 4) boxes."""
    left, top, right, bottom = (2 * corners - 1).unbind(dim=2)
    points = torch.stack([left, top, right, top, right, bottom, left, bottom], dim=2).unflatten(2, (4, 2))
    there = (points - matrices[:, None, None, :, 2]).flatten(1, 2)
    found = (there @ torch.linalg.inv(matrices[:, :, :2]).mT).unflatten(1, points.shape[1:3])
    return (torch.cat([found.amin(dim=2), found.amax(dim=2)], dim=2) + 1) / 2
