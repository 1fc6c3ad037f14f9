"""Classes for images of any size: scores enlarged to it, or the image seen in tiles; all of it exports to ONNX."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

# Classes enlarged at a time: memory for images of many megapixels does not grow with the number of classes.
CLASSES_AT_ONCE = 4

Seen = Callable[[torch.Tensor], torch.Tensor]


def classes_at(scores: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return the class of every pixel of an image: scores are enlarged smoothly before the highest one is taken.

    Args:
        scores: (N, C, h, w) float32.
        height, width: of the image, pixels.

    Returns:
        (N, height, width) uint8.
    """
    best, found = _find_best(scores[:, :CLASSES_AT_ONCE], height, width)
    for start in range(CLASSES_AT_ONCE, scores.shape[1], CLASSES_AT_ONCE):
        value, code = _find_best(scores[:, start : start + CLASSES_AT_ONCE], height, width)
        found = torch.where(value > best, code + start, found)
        best = torch.maximum(best, value)
    return found


def _find_best(scores: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    large = F.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)
    value, code = large.max(dim=1)
    return value, code.to(torch.uint8)


def segment_tiles(images: torch.Tensor, side: int, margin: int, see: Seen) -> torch.Tensor:
    """Return the classes of images seen in overlapping tiles at their own resolution, one tile after the other.

    Neighbouring tiles overlap by two margins, and each pixel is taken from the tile that sees most around it. Images
    smaller than a tile are continued by their border pixels.

    Args:
        images: (N, H, W, 3) uint8.
        side: of a tile, pixels.
        margin: pixels at a tile's border that another tile answers for.
        see: from tiles (N, side, side, 3) uint8 to classes (N, side, side) uint8.

    Returns:
        (N, H, W) uint8.
    """
    n, height, width, _ = images.shape
    rows, columns = _starts(height, side, margin), _starts(width, side, margin)
    count = rows.shape[0], columns.shape[0]
    starts = torch.stack([rows[:, None].expand(*count), columns.expand(*count)], dim=2).reshape(-1, 2)

    def tile(start: torch.Tensor) -> torch.Tensor:
        within = torch.arange(side)
        cut = images.index_select(1, (start[0] + within).clamp(max=height - 1))
        return see(cut.index_select(2, (start[1] + within).clamp(max=width - 1)))

    tiles = _each(tile, starts).view(*count, n, side, side)
    sheet = tiles.permute(2, 0, 3, 1, 4).reshape(n, count[0] * side, count[1] * side)
    sheet = sheet.index_select(1, _places(height, rows, side, margin))
    return sheet.index_select(2, _places(width, columns, side, margin))


def _each(see: Seen, starts: torch.Tensor) -> torch.Tensor:
    """Return what is seen from each start, stacked; in an exported graph as its own loop."""
    if not torch.compiler.is_exporting():
        return torch.stack([see(start) for start in starts])
    from torch._higher_order_ops.scan import scan

    def step(carry: torch.Tensor, start: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return carry.clone(), see(start)

    _, tiles = scan(step, torch.zeros(1), starts)
    return tiles


def _starts(size: Any, side: int, margin: int) -> torch.Tensor:
    """Return the first pixels of the tiles along one side; the last tile ends where the image does."""
    step = side - 2 * margin
    count = torch.sym_max((size - side + step - 1) // step, 0) + 1
    return (torch.arange(count) * step).clamp(max=torch.sym_max(size - side, 0))


def _places(size: Any, starts: torch.Tensor, side: int, margin: int) -> torch.Tensor:
    """Return where in a sheet of whole tiles each pixel along one side is, (size,)."""
    pixels = torch.arange(size)
    tile = ((pixels - margin).clamp(min=0) // (side - 2 * margin)).clamp(max=starts.shape[0] - 1)
    return tile * side + pixels - starts[tile]
