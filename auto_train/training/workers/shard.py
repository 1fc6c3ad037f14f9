"""The samples of an epoch divided among data-parallel workers: loaders that can be, and how each kind is (F3.18)."""

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import Any

from loguru import logger
from torch.utils.data import Sampler

from auto_train.errors import TaskContractError
from auto_train.training.workers.distributed import rank, world_size


class ShardSampler(Sampler[int]):
    """This worker's block of a data set, in order: all blocks together are every sample once.

    For evaluation, where torch's DistributedSampler gives some samples twice. For a process alone it is the whole set:
    ``DataLoader(dataset, batch_size=64, sampler=ShardSampler(dataset))``.
    """

    def __init__(self, dataset: Sized):
        self.dataset = dataset

    def _block(self) -> range:
        count, number, of = len(self.dataset), rank(), world_size()
        # Asked anew for each pass: a task may be made before the workers have met. One that has left is alone.
        return range(number * count // of, (number + 1) * count // of) if of > 1 else range(count)

    def __len__(self) -> int:
        return len(self._block())

    def __iter__(self) -> Iterator[int]:
        return iter(self._block())


@contextmanager
def shard_loaders(train: Any, *evaluation: Any) -> Iterator[None]:
    """Let each worker have its part of the loaders while the block runs.

    Args:
        train: the loader of the training split.
        evaluation: those of other splits; None and what cannot be divided are left as they are: see is_divided.

    Raises:
        TaskContractError: the training loader gives all workers the same samples.
    """
    if world_size() == 1:
        yield
        return
    _check_training(train)
    with shard_evaluation(*evaluation), _shard(train):
        yield


@contextmanager
def shard_evaluation(*loaders: Any) -> Iterator[None]:
    """Let each worker have its part of loaders that are only evaluated; those that cannot be divided stay whole."""
    if world_size() == 1:
        yield
        return
    for loader in loaders:
        _warn_of_padding(loader)
    with _shard(*loaders):
        yield


@contextmanager
def _shard(*loaders: Any) -> Iterator[None]:
    own = [loader for loader in loaders if hasattr(loader, "shard")]
    for loader in own:
        loader.shard(rank(), world_size())
    try:
        yield
    finally:
        for loader in own:
            loader.shard(0, 1)


def is_divided(loader: Any) -> bool:
    """Tell whether a loader gives each worker samples of its own; what does not is evaluated by the first one alone."""
    return hasattr(loader, "shard") or any(
        isinstance(sampler, ShardSampler) or getattr(sampler, "num_replicas", 1) == world_size()
        for sampler in _samplers(loader)
    )


def _samplers(loader: Any) -> list[Any]:
    loader = getattr(loader, "loader", loader)  # what step mode puts around it
    batches = getattr(loader, "batch_sampler", None)
    return [getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None)]


def _check_training(loader: Any) -> None:
    if is_divided(loader):
        return
    counts = {getattr(sampler, "num_replicas", None) for sampler in _samplers(loader)} - {None}
    message = f"the training loader gives each of {world_size()} workers all samples"
    if counts:
        message = f"the training loader's sampler divides among {counts.pop()} workers, and there are {world_size()}"
    raise TaskContractError(
        message,
        where=type(getattr(loader, "loader", loader)).__name__,
        allowed="a DataLoader with torch's DistributedSampler, or a loader with a method shard(rank, world)",
        hint="in an INI's load_function: return auto_train.data.Samples",
    )


def _warn_of_padding(loader: Any) -> None:
    for sampler in _samplers(loader):
        surplus = getattr(sampler, "total_size", 0) - len(getattr(sampler, "dataset", ()))
        if surplus and hasattr(sampler, "num_replicas"):
            logger.warning(
                f"{type(sampler).__name__} {'repeats' if surplus > 0 else 'leaves out'} {abs(surplus)} samples of an "
                "evaluation split: take auto_train.training.workers.shard.ShardSampler for exact metrics"
            )
            return
