"""From many scored boxes to few: non-maximum suppression as plain tensor operations, which every runtime has."""

import torch

# Boxes that are compared with each other, and of which detections are given at most, for an image.
CANDIDATES, MAX_DETECTIONS = 512, 100
# Less confident ones are none.
MIN_CONFIDENCE = 0.01
# Passes over the candidates. A box is decided in the first pass after all those that could suppress it, so as many are
# needed as boxes follow from one another: among hundreds of real ones about five.
PASSES = 16


def select_boxes(boxes: torch.Tensor, scores: torch.Tensor, codes: torch.Tensor, *, overlap: float) -> torch.Tensor:
    """Return what is left after of two boxes of a class that overlap the less confident one is dropped.

    Args:
        boxes: (N, T, 4) left, top, right, bottom.
        scores: (N, T) confidences, falling in every row.
        codes: (N, T) class codes.
        overlap: IoU above which two boxes are of one object.

    Returns:
        (N, K, 6) boxes, confidence, code, the most confident first; rows after the last one are all 0.

    Source: greedy suppression as of torchvision.ops.batched_nms, found as the fixed point of "no kept box before it
    overlaps". Its own operator has outputs of unknown length, and offsets for classes that cost accuracy.
    """
    kept = find_kept_boxes(boxes, codes, overlap=overlap) & (scores > MIN_CONFIDENCE)
    confidences, order = (scores * kept).topk(min(MAX_DETECTIONS, scores.shape[1]))
    rows = torch.cat([boxes, scores[..., None], codes[..., None].to(boxes.dtype)], dim=2)
    rows = rows.gather(1, order[..., None].expand(-1, -1, rows.shape[2]))
    return rows * (confidences > 0)[..., None]


def find_kept_boxes(boxes: torch.Tensor, codes: torch.Tensor, *, overlap: float) -> torch.Tensor:
    """Return (N, T) bool: which boxes no kept one of their class before them overlaps by more."""
    count = boxes.shape[1]
    rank = torch.arange(count, device=boxes.device)
    is_before = rank[None, :] < rank[:, None]
    is_same = codes[:, :, None] == codes[:, None, :]
    rivals = ((pairwise_iou(boxes) > overlap) & is_same & is_before).float()
    kept = torch.ones_like(boxes[..., :1])
    for _ in range(PASSES):
        kept = (rivals @ kept == 0).float()
    return kept[..., 0] > 0


def pairwise_iou(boxes: torch.Tensor) -> torch.Tensor:
    """Return (N, T, T) intersections over unions of (N, T, 4) boxes; 0 for two of no area."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    width, height = (high - low).clamp(min=0).unbind(dim=3)
    shared = width * height
    areas = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    union = areas[:, :, None] + areas[:, None, :] - shared
    return shared / union.clamp(min=1e-12)
