"""The one resize: the pixel store, validation and InferenceModel all call this function."""

import torch
import torch.nn.functional as F


def resize_images(images: torch.Tensor, side: int) -> torch.Tensor:
    """Resize to a square, antialiased, and round, so that a stored and a live image are the same pixels.

    Args:
        images: (N, H, W, 3) uint8 RGB; any height and width.
        side: height and width of the result, pixels.

    Returns:
        (N, 3, side, side) float32 with whole values 0..255, channels-last in memory.
    """
    planes = images.permute(0, 3, 1, 2).float()
    planes = F.interpolate(planes, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return planes.round().clamp(0, 255)
