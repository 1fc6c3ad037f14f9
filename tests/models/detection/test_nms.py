import pytest
import torch
from torchvision.ops import batched_nms

from auto_train.models.detection.nms import MAX_DETECTIONS, MIN_CONFIDENCE, find_kept_boxes, select_boxes


def scene(seed: int, count: int = 300, things: int = 25) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what a detector says of a crowded image: many boxes around each of a few things, confidences falling."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    centres, sizes = random(things, 2), 0.05 + 0.3 * random(things, 2)
    which = torch.randint(things, (count,), generator=generator)
    centres = centres[which] + 0.3 * sizes[which] * (random(count, 2) - 0.5)
    sizes = sizes[which] * (0.7 + 0.6 * random(count, 2))
    boxes = torch.cat([centres - sizes / 2, centres + sizes / 2], dim=1).clamp(0, 1)
    scores = random(count).sort(descending=True).values
    return boxes, scores, which % 3


@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_kept_boxes_are_those_of_torchvision(seed: int, overlap: float):
    boxes, scores, codes = scene(seed)
    kept = find_kept_boxes(boxes[None], codes[None], overlap=overlap)[0]
    assert kept.nonzero()[:, 0].tolist() == sorted(batched_nms(boxes, scores, codes, overlap).tolist())
    assert 10 < kept.sum() < 200


def test_kept_boxes_of_a_chain_are_every_other_one():
    # Each overlaps its neighbours only, so that one decision follows from the other, ten times.
    left = torch.arange(10) * 0.04
    boxes = torch.stack([left, torch.zeros(10), left + 0.1, torch.ones(10)], dim=1)
    kept = find_kept_boxes(boxes[None], torch.zeros(1, 10, dtype=torch.long), overlap=0.4)[0]
    assert kept.tolist() == [True, False] * 5


def test_best_boxes_are_the_same_alone_and_in_a_batch():
    scenes = [scene(seed) for seed in range(5)]
    together = select_boxes(*(torch.stack(parts) for parts in zip(*scenes, strict=True)), overlap=0.5)
    assert together.shape == (5, MAX_DETECTIONS, 6)
    for row, parts in zip(together, scenes, strict=True):
        assert torch.equal(row[None], select_boxes(*(part[None] for part in parts), overlap=0.5))


def test_best_boxes_are_sorted_and_filled_up_with_zeros():
    boxes, scores, codes = (part[None] for part in scene(1))
    scores = scores * (scores > 0.8) + 0.5 * MIN_CONFIDENCE * (scores <= 0.8)
    found = select_boxes(boxes, scores, codes, overlap=0.5)[0]
    count = int((found[:, 4] > 0).sum())
    assert 5 < count < MAX_DETECTIONS and not found[count:].any()
    assert (found[1:count, 4] <= found[: count - 1, 4]).all() and found[:count, 4].min() > MIN_CONFIDENCE
