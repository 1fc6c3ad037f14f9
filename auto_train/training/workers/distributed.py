"""What data-parallel workers do together (F3.18); for a process that trains alone every function is the simple case.

Which worker this process is: rank_info.py. Who starts workers: launch.py, torchrun or srun. Gradients: gradients.py.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from auto_train.cores import limit_torch_threads
from auto_train.errors import AutoTrainError, UsageError, WorkerLostError
from auto_train.training.workers.rank_info import RankInfo

T = TypeVar("T")

# The others wait while the first worker prepares a data set or looks for a learning rate. A dead one is noticed at
# once all the same: its connections break.
LONGEST_WAIT = timedelta(days=2)
WORLD_SIZE = "WORLD_SIZE"


class _Process:
    """This process.

    Attributes:
        place: which worker it is, from the time it has joined the others, also after it has left them.
        is_alone: it is the first worker, and decides something for all just now.
        store: through which the workers meet.
        meetings: how often they have; each needs a name of its own.
    """

    place: RankInfo | None = None
    is_alone = False
    store: dist.Store | None = None
    meetings = 0


@contextmanager
def process_group() -> Iterator[None]:
    """Train together with the other workers while the block runs, where the environment says that there are any.

    A process group that someone else has made is used and left as it is.

    Raises:
        UsageError: more workers than GPUs. WorkerLostError: another worker ended.
    """
    place = RankInfo.from_environment()
    if place is None or dist.is_initialized():
        if place is None:
            limit_torch_threads()
        yield
        return
    environment = dict(os.environ)
    _join(place)
    try:
        with explain_lost_worker():
            yield
    finally:
        leave()
        os.environ |= {name: environment[name] for name in {WORLD_SIZE} & environment.keys()}
        _Process.place = None


def _join(place: RankInfo) -> None:
    limit_torch_threads(place.local_world)
    if torch.cuda.is_available():
        if place.local_world > torch.cuda.device_count():
            raise UsageError(
                f"{place.local_world} workers on {torch.cuda.device_count()} GPUs",
                allowed="one worker for each GPU",
                hint="CUDA_VISIBLE_DEVICES= (empty) trains on the processor",
            )
        torch.cuda.set_device(place.local_rank)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if _Process.store is None:
        _Process.store, *_ = next(iter(dist.rendezvous(place.meeting, place.rank, place.world)))
    _Process.meetings += 1
    store = dist.PrefixStore(f"meeting {_Process.meetings}", _Process.store)
    dist.init_process_group(backend, store=store, rank=place.rank, world_size=place.world)
    _Process.place = place
    _control()  # while all are sure to be here: who waits for its making notices no death


def leave() -> None:
    """Part from the other workers: from here on this process is alone, and still knows whether it was the first."""
    if dist.is_initialized():
        _control.cache_clear()
        dist.destroy_process_group()
        limit_torch_threads()
        _say_alone()


def _say_alone() -> None:
    # fastai sends what it finds to as many workers as this says: its recorder would wait for them forever.
    if WORLD_SIZE in os.environ:
        os.environ[WORLD_SIZE] = "1"


def rank() -> int:
    """Return the number of this worker, also after it has left the others; 0 for a process alone."""
    if dist.is_initialized():
        return dist.get_rank()
    place = _place()
    return place.rank if place else 0


def _place() -> RankInfo | None:
    return _Process.place or RankInfo.from_environment()


def world_size() -> int:
    """Return how many workers train together now; 1 while the first one decides something alone."""
    return dist.get_world_size() if dist.is_initialized() and not _Process.is_alone else 1


def is_one_machine() -> bool:
    """Tell whether all workers are known to be on this machine."""
    place = _place()
    return place is not None and place.local_world == place.world


def is_main() -> bool:
    """Tell whether this is the worker that writes files and speaks to the user."""
    return rank() == 0


@cache
def _control() -> dist.ProcessGroup:
    """Return the group for everything but gradients: patient, and on the processor also where gradients use NCCL."""
    group = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
    assert isinstance(group, dist.ProcessGroup)
    return group


def barrier() -> None:
    """Wait until every worker is here."""
    if world_size() > 1:
        dist.barrier(group=_control())


def on_main(decide: Callable[[], T]) -> T:
    """Return what the first worker decides, on every worker; the others wait for it.

    Args:
        decide: called on the first worker, for which there are no others meanwhile: it may even train. What it returns
            is sent by pickle, tensors should be on the CPU.
    """
    if world_size() == 1:
        return decide()
    value = None
    if is_main():
        with _act_alone():
            value = decide()
    return broadcast_object(value)  # type: ignore[return-value] # the others get the first one's


@contextmanager
def _act_alone() -> Iterator[None]:
    workers = os.environ.get(WORLD_SIZE)
    _Process.is_alone = True
    _say_alone()
    try:
        yield
    finally:
        _Process.is_alone = False
        if workers is not None:
            os.environ[WORLD_SIZE] = workers


def broadcast_object(value: T) -> T:
    """Return the first worker's value on every worker."""
    if world_size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, group=_control())
    return box[0]


def gather(value: T) -> list[T]:
    """Return the values of all workers in their order, on the first; the others get a list of their own alone."""
    if world_size() == 1:
        return [value]
    values: list[Any] | None = [None] * world_size() if is_main() else None
    dist.gather_object(value, values, dst=0, group=_control())
    return values or [value]


def agree(flag: bool) -> bool:
    """Tell every worker whether the flag is set on any of them."""
    return bool(all_reduce_max(flag)[0])


def all_reduce_max(*values: int) -> list[int]:
    """Return the largest of each value over all workers."""
    if world_size() == 1:
        return list(values)
    votes = torch.tensor(values, dtype=torch.int64)
    dist.all_reduce(votes, op=dist.ReduceOp.MAX, group=_control())
    return votes.tolist()


@contextmanager
def main_first() -> Iterator[None]:
    """Let the first worker of each machine run the block before the others, who then find done what it prepared."""
    place = _place()
    is_first = place.local_rank == 0 if place else is_main()
    if not is_first:
        barrier()
    yield
    if is_first:
        barrier()


@contextmanager
def explain_lost_worker(hint: str = "") -> Iterator[None]:
    """Say in the user's words what the libraries report when another worker is gone.

    Args:
        hint: the next step.

    Raises:
        WorkerLostError: a connection broke, or a worker did not answer in time.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, AutoTrainError) or not is_lost_worker(error):
            raise
        raise WorkerLostError("another worker of this training has ended or does not answer", hint=hint) from error


def is_lost_worker(error: BaseException) -> bool:
    """Tell whether an error is what a broken connection to another worker looks like."""
    # gloo has no exception class of its own; its messages name its source files
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()
