import numpy as np
import pytest
import torch

from auto_train.data.images import ArrayImages
from auto_train.data.loader import Batch, BatchLoader
from auto_train.data.store import PixelStream


def numbered(n: int) -> PixelStream:
    """Return n images of 4 x 4 pixels, each filled with its own number."""
    array = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 3))
    return PixelStream(ArrayImages([("numbers", array)]), 4)


def with_noise(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    return images.float() + torch.rand(images.shape, generator=generator) / 2, targets


def plain(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    return images, targets


def loader(n: int = 20, batch_size: int = 6, transform=with_noise, **options) -> BatchLoader:
    return BatchLoader(numbered(n), torch.arange(n), transform, batch_size=batch_size, **options)


def all_of(batches: BatchLoader) -> torch.Tensor:
    return torch.cat([targets for _, targets in batches])


def test_loader_images_and_targets_belong_together():
    for images, targets in loader(transform=plain, shuffle=True):
        assert images.shape[1:] == (3, 4, 4)
        assert torch.equal(images.float().mean(dim=(1, 2, 3)).long(), targets)


def test_loader_unshuffled_gives_every_image_once_in_order():
    batches = loader()
    assert torch.equal(all_of(batches), torch.arange(20))
    assert [len(targets) for _, targets in batches] == [6, 6, 6, 2] and len(batches) == 4


def test_loader_shuffled_drops_the_short_last_batch():
    batches = loader(shuffle=True)
    seen = all_of(batches)
    assert len(batches) == 3 and len(seen) == len(seen.unique()) == 18


def test_loader_batch_larger_than_the_data_is_one_batch():
    assert [len(targets) for _, targets in loader(n=5, batch_size=64, shuffle=True)] == [5]


def test_loader_same_seed_epoch_and_step_give_the_same_batch():
    first, second = loader(shuffle=True, seed=7), loader(shuffle=True, seed=7)
    first.epoch = second.epoch = 3
    for (images, targets), (again, their) in zip(first, second, strict=True):
        assert torch.equal(images, again) and torch.equal(targets, their)


def test_loader_one_step_can_be_redone_alone():
    batches = loader(shuffle=True, seed=7)
    batches.epoch = 2
    expected = list(batches)[2]
    torch.rand(5)  # the global generator has no part in it
    found = batches.batch(batches.order(2)[12:18], 2)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


@pytest.mark.parametrize("change", ["epoch", "seed", "step"])
def test_loader_other_epoch_seed_or_step_differs(change: str):
    one, other = loader(shuffle=True, seed=1), loader(shuffle=True, seed=2 if change == "seed" else 1)
    other.epoch = 1 if change == "epoch" else 0
    if change != "step":
        assert not torch.equal(all_of(one), all_of(other))
    positions = np.arange(6)
    assert not torch.equal(one.batch(positions, 0)[0], other.batch(positions, 1 if change == "step" else 0)[0])


def test_loader_evaluation_is_the_same_in_every_epoch():
    batches = loader(transform=plain)
    first = all_of(batches)
    batches.epoch = 5
    assert torch.equal(all_of(batches), first)


def test_loader_draws_images_by_their_weights():
    # 900 images of weight 1 and 100 of weight 9: half of the draws, 500 ± 4 standard deviations of sqrt(1000 / 4).
    n = 1000
    weights = torch.where(torch.arange(n) < 900, 1.0, 9.0)
    pixels = PixelStream(ArrayImages([("one", np.zeros((n, 1, 1), np.uint8))]), 1)
    batches = BatchLoader(pixels, torch.arange(n), plain, batch_size=50, shuffle=True, weights=weights, seed=1)
    rare = int((torch.from_numpy(batches.order(0)) >= 900).sum())
    assert abs(rare - 500) < 64
    assert not np.array_equal(batches.order(0), batches.order(1))


def test_loader_weight_of_zero_is_never_drawn():
    batches = loader(n=10, shuffle=True, weights=torch.tensor([0.0] * 5 + [1.0] * 5))
    assert min(batches.order(0)) >= 5


def test_loader_one_batch_is_the_first_of_the_epoch():
    batches = loader(shuffle=True)
    assert torch.equal(batches.one_batch()[0], next(iter(batches))[0])
