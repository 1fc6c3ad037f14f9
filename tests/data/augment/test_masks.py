import pytest
import torch

from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.masks import move_masks
from auto_train.data.augment.views import Views
from auto_train.data.targets import IGNORE


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def squares(n: int = 40, side: int = 64) -> torch.Tensor:
    """Return masks (n, side, side) of class 1 with a square of class 2 in it, at another place in each."""
    masks = torch.ones(n, side, side, dtype=torch.uint8)
    for mask, (top, left) in zip(
        masks, torch.randint(4, side - 24, (n, 2), generator=generator()).tolist(), strict=True
    ):
        mask[top : top + 20, left : left + 20] = 2
    return masks


@pytest.mark.parametrize("options", [{}, {"rotate": 30.0}, {"crop": 0.4}, {"zoom": 0.3, "shift": 0.2, "shear": 10.0}])
@pytest.mark.parametrize("side", [64, 48])
def test_masks_show_what_the_pixels_show(options: dict[str, float], side: int):
    # Pixels that are 10 · the class: away from edges, where they are mixed, the view tells the class.
    masks = squares()
    views = Augmentation(**options).draw(len(masks), 64, side, generator(1))
    pixels = views((10 * masks)[:, None].clone())[:, 0] * 255 / 10
    moved = move_masks(masks, views)
    assert moved.dtype == torch.uint8 and moved.shape == (40, side, side)
    assert set(moved.unique().tolist()) == {1, 2}
    is_sure = (pixels - pixels.round()).abs() < 0.01
    assert is_sure.float().mean() > 0.9
    assert torch.equal(moved[is_sure], pixels[is_sure].round().to(torch.uint8))


def test_masks_of_images_that_are_not_changed_stay():
    masks = squares(3)
    assert torch.equal(move_masks(masks, Views(side=64)), masks)
    assert torch.equal(move_masks(masks, Views(side=64, colours=torch.ones(3, 3))), masks)


def test_masks_are_mirrored_with_their_images():
    masks = squares(2)
    moved = move_masks(masks, Views(side=64, mirrored=torch.tensor([True, False])))
    assert torch.equal(moved[0], masks[0].flip(1)) and torch.equal(moved[1], masks[1])


def test_mask_is_turned_by_ninety_degrees_as_a_matrix_says():
    mask = torch.arange(16, dtype=torch.uint8).view(1, 4, 4)
    # From output to input: x = y', y = -x'.
    matrices = torch.tensor([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    assert torch.equal(move_masks(mask, Views(side=4, matrices=matrices))[0], mask[0].rot90(-1))


def test_beyond_the_border_masks_are_reflected():
    mask = torch.tensor([[[0, 1], [2, 3]]], dtype=torch.uint8)
    twice = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]])
    assert move_masks(mask, Views(side=4, matrices=twice))[0].tolist() == [
        [0, 0, 1, 1],
        [0, 0, 1, 1],
        [2, 2, 3, 3],
        [2, 2, 3, 3],
    ]


def test_ignored_pixels_move_and_what_is_erased_is_ignored():
    masks = squares(2)
    masks[:, :5] = IGNORE
    boxes = torch.tensor([[10, 20, 30, 40], [0, 0, 0, 0]])
    before = masks.clone()
    moved = move_masks(masks, Views(side=64, boxes=boxes))
    assert (moved[0, 10:20, 30:40] == IGNORE).all() and torch.equal(moved[1], masks[1])
    assert int((moved[0] == IGNORE).sum()) == 5 * 64 + 100
    assert torch.equal(masks, before)
