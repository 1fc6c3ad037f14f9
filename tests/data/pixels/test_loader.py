import numpy as np
import pytest
import torch

from auto_train.data.images import ArrayImages
from auto_train.data.pixels.loader import Batch, BatchLoader
from auto_train.data.pixels.stream import PixelStream
from auto_train.data.pixels.transform import PixelTransform
from auto_train.errors import UsageError


def numbered(n: int) -> PixelStream:
    """Return n images of 4 x 4 pixels, each filled with its own number."""
    array = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 3))
    return PixelStream(ArrayImages([("numbers", array)]), PixelTransform(side=4))


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
        assert images.shape[1:] == (1, 4, 4)
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
    pixels = PixelStream(ArrayImages([("one", np.zeros((n, 1, 1), np.uint8))]), PixelTransform(side=1))
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


def test_loader_start_leaves_out_the_first_batches_of_one_epoch():
    batches = loader(n=30, shuffle=True, seed=3)
    batches.epoch = 4
    expected = list(batches)
    batches.start = 2
    rest = list(batches)
    assert len(expected) == 5 and len(rest) == 3 and batches.start == 0
    for (images, targets), (again, their) in zip(expected[2:], rest, strict=True):
        assert torch.equal(images, again) and torch.equal(targets, their)
    assert len(list(batches)) == 5


def test_loader_start_of_the_whole_epoch_leaves_nothing():
    batches = loader(n=30, shuffle=True)
    batches.start = 5
    assert list(batches) == [] and len(list(batches)) == 5


def test_loader_one_batch_leaves_the_start_alone():
    batches = loader(n=30, shuffle=True)
    batches.start = 2
    batches.one_batch()
    assert batches.start == 2


@pytest.mark.parametrize("batch_size", [16, 50, 7])
def test_loader_halved_gives_the_same_images_in_twice_as_many_batches(batch_size: int):
    batches = loader(n=120, batch_size=batch_size, shuffle=True, transform=plain)
    whole = [targets for _, targets in batches]
    assert batches.halve() and batches.full_bs == batch_size and batches.bs == -(-batch_size // 2)
    halves = [targets for _, targets in batches]
    assert len(batches) == len(halves) == 2 * len(whole)
    for k, targets in enumerate(whole):
        assert torch.equal(torch.cat(halves[2 * k : 2 * k + 2]), targets)
    quarters = batches.halve() and [targets for _, targets in batches]
    for k, targets in enumerate(halves):
        assert torch.equal(torch.cat(quarters[2 * k : 2 * k + 2]), targets)


def test_loader_halves_down_to_one_image_and_no_further():
    batches = loader(n=30, batch_size=12, shuffle=True)
    sizes = []
    while batches.halve():
        sizes.append([len(targets) for _, targets in batches][: batches.parts])
    assert sizes == [[6, 6], [3, 3, 3, 3], [1, 2, 1, 2, 1, 2, 1, 2]] and batches.parts == 8
    alone = loader(n=30, batch_size=1, shuffle=True)
    assert not alone.halve() and len(alone) == 30


def test_loader_halved_for_evaluation_gives_every_image_once():
    batches = loader(n=21, batch_size=8, transform=plain)
    while batches.halve():
        assert torch.equal(all_of(batches), torch.arange(21)) and len(batches) == len(list(batches))


def sharded(world: int, **options) -> list[BatchLoader]:
    workers = [loader(**options) for _ in range(world)]
    for rank, worker in enumerate(workers):
        worker.shard(rank, world)
    return workers


@pytest.mark.parametrize(
    ("world", "batch_size", "halvings"), [(2, 16, 0), (3, 16, 0), (4, 6, 0), (2, 7, 1), (3, 25, 2)]
)
def test_loader_workers_divide_every_training_batch(world: int, batch_size: int, halvings: int):
    options = {"n": 60, "batch_size": batch_size, "shuffle": True, "transform": plain, "seed": 5}
    workers, alone = sharded(world, **options), loader(**options)
    for _ in range(halvings):
        assert alone.halve() and all(worker.halve() for worker in workers)
    assert {len(worker) for worker in workers} == {len(alone)}
    for (_, together), *mine in zip(alone, *workers, strict=True):
        assert torch.equal(torch.cat([targets for _, targets in mine]), together)
        sizes = [len(targets) for _, targets in mine]
        assert max(sizes) - min(sizes) <= 1 and min(sizes) >= 1


@pytest.mark.parametrize(("world", "halvings"), [(1, 1), (3, 0), (3, 1), (2, 2)])
def test_loader_shares_make_the_mean_over_workers_and_parts_that_of_the_full_batch(world: int, halvings: int):
    options = {"n": 50, "batch_size": 25, "shuffle": True, "transform": plain, "seed": 1}
    workers, whole = sharded(world, **options), loader(**options)
    for worker in workers:
        assert all(worker.halve() for _ in range(halvings))
    terms = [[worker.share * float(targets.float().mean()) for _, targets in worker] for worker in workers]
    parts = 2**halvings
    for step, (_, targets) in enumerate(whole):
        mine = [row[step * parts : (step + 1) * parts] for row in terms]
        assert np.mean(mine) == pytest.approx(float(targets.float().mean()))


def test_loader_share_of_one_worker_is_one():
    batches = loader(n=30, shuffle=True)
    assert [batches.share for _ in batches] == [1.0] * 5


@pytest.mark.parametrize("n", [1, 4, 19, 23])
def test_loader_workers_divide_an_evaluation_into_blocks_without_doubles(n: int):
    workers = sharded(3, n=n, batch_size=5, transform=plain)
    seen = [targets for worker in workers for _, targets in worker]
    assert torch.equal(torch.cat(seen), torch.arange(n))
    assert max(map(len, seen)) <= 2  # a third of the batch
    assert all(len(worker) == len(list(worker)) for worker in workers) and all(len(targets) for targets in seen)


def test_loader_workers_draw_other_random_numbers():
    one, other = sharded(2, shuffle=True, batch_size=8, seed=1)
    positions = np.arange(4)
    assert not torch.equal(one.batch(positions, 0)[0], other.batch(positions, 0)[0])
    assert torch.equal(one.batch(positions, 0)[0], loader(shuffle=True, seed=1).batch(positions, 0)[0])


def test_loader_batch_smaller_than_the_workers_is_refused():
    message = (
        r"\[training.scheme\] batch_size: a batch of 3 images cannot be divided among 4 workers \(allowed: at least 4"
    )
    with pytest.raises(UsageError, match=message):
        loader(batch_size=3, shuffle=True).shard(0, 4)
    loader(batch_size=3).shard(0, 4)


def test_loader_layout_is_that_of_the_images():
    batches = loader(transform=plain)
    # Stored pixels have their channels last.
    assert batches.one_batch()[0].is_contiguous(memory_format=torch.channels_last)
    batches.layout = torch.contiguous_format
    assert batches.one_batch()[0].is_contiguous()
