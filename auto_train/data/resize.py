"""The one resize: the pixel store, validation and InferenceModel all call this function."""

import torch
import torch.nn.functional as F

# The fraction from which a pixel is rounded up. At 0.5 lie many exact results (8 to 28 px: one pixel in a hundred), on
# which torch and onnxruntime disagree: they sum in another order and differ by up to 5e-4. Near 0.4976 lies no multiple
# of 1/64, 1/196, 1/256 or 1/1024, which the common scales give.
ROUND_UP_FROM = 0.5 - 2.5 / 1024


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
    return (planes + (1 - ROUND_UP_FROM)).floor().clamp(0, 255)
