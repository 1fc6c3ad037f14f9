"""Gradients averaged over data-parallel workers, while the backward pass still runs (F3.18).

What torch's DistributedDataParallel does, without a wrapper around the model: a task may call the model as it likes,
reach into it, leave layers out of a step, and a checkpoint has plain names.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from auto_train.training.workers.distributed import world_size
from auto_train.training.workers.shared_memory import SharedSum, can_share, view_like

# Source: DistributedDataParallel's default; small enough to start early, large enough to use the connection well.
BUCKET_BYTES = 25 * 2**20


class AveragedGradients:
    """Sums the gradients of a model's learning parameters over all workers.

    Each worker's loss has to be divided by the number of workers for the sum to be the average. A parameter that no
    worker used keeps no gradient.

    Args:
        model: its parameters that require gradients now are the ones; make a new object when that changes.
        bucket_bytes: gradients sent together; None: all of them through memory that the workers share, where each
            message makes everyone wait for the slowest, else as many as travel well while the backward pass still runs.
    """

    def __init__(self, model: nn.Module, bucket_bytes: int | None = None):
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        if bucket_bytes is None:
            is_shared = all(weight.device.type == "cpu" for weight in weights) and can_share()
            bucket_bytes = sys.maxsize if is_shared else BUCKET_BYTES
        # The backward pass reaches the last layers first.
        self._buckets = [_Bucket(group) for group in _group_weights(weights[::-1], bucket_bytes)]
        self._is_armed, self._next = False, 0
        self._hooks = [
            weight.register_post_accumulate_grad_hook(partial(self._on_ready, bucket, place))
            for bucket in self._buckets
            for place, weight in enumerate(bucket.weights)
        ]

    def close(self) -> None:
        """Leave the model alone."""
        for hook in self._hooks:
            hook.remove()

    @contextmanager
    def averaging(self) -> Iterator[None]:
        """Average what is in the gradients at the end of the one backward pass in the block."""
        self._is_armed, self._next = True, 0
        for bucket in self._buckets:
            bucket.clear()
        try:
            yield
        finally:
            self._is_armed = False
        self._send(all_of_them=True)
        for bucket in self._buckets:
            bucket.receive()

    def _on_ready(self, bucket: "_Bucket", place: int, weight: torch.Tensor) -> None:
        if self._is_armed:
            bucket.take(place)
            self._send()

    def _send(self, *, all_of_them: bool = False) -> None:
        """Send buckets in their order, which is the same on all workers; a complete one waits for those before it."""
        while self._next < len(self._buckets) and (all_of_them or self._buckets[self._next].is_complete):
            self._buckets[self._next].send()
            self._next += 1


class _Bucket:
    """Parameters of one type and device whose gradients travel in one message.

    Attributes:
        weights: the parameters.
    """

    def __init__(self, weights: Sequence[nn.Parameter]):
        self.weights = weights
        sizes = [weight.numel() for weight in weights]
        # Behind the gradients, for each of them: how many workers have one.
        size = sum(sizes) + len(weights)
        self._shared = SharedSum.of(size, weights[0].dtype) if weights[0].device.type == "cpu" else None
        self._message = self._shared.mine if self._shared else weights[0].new_empty(size, requires_grad=False)
        *parts, self._users = self._message.split([*sizes, len(weights)])
        self._views = [view_like(part, weight) for part, weight in zip(parts, weights)]
        self._missing = set(range(len(weights)))
        self._work: Any = None

    @property
    def is_complete(self) -> bool:
        """Whether every gradient of this pass is in the message."""
        return not self._missing

    def clear(self) -> None:
        """Begin a pass."""
        self._missing = set(range(len(self.weights)))

    @torch.no_grad()
    def take(self, place: int) -> None:
        """Put a gradient into the message: at once, while the processor still has it at hand."""
        grad = self.weights[place].grad
        if grad is not None:
            self._views[place].copy_(grad)
        self._missing.discard(place)

    @torch.no_grad()
    def send(self) -> None:
        # Those that this pass has not reached may have one of a batch before it.
        for place in tuple(self._missing):
            self.take(place)
        self._users.fill_(1)
        for place, weight in enumerate(self.weights):
            if weight.grad is None:
                self._views[place].zero_()
                self._users[place] = 0
        if self._shared:
            self._shared.sum()
        else:
            self._work = dist.all_reduce(self._message, async_op=True)

    def receive(self) -> None:
        if self._work:
            self._work.wait()
        for i, (weight, view) in enumerate(zip(self.weights, self._views)):
            # Only a worker without a gradient has to ask; on a GPU the question would wait for the device.
            if weight.grad is not None or self._users[i] > 0:
                weight.grad = view


def _group_weights(weights: Sequence[nn.Parameter], most_bytes: int) -> list[list[nn.Parameter]]:
    groups: list[list[nn.Parameter]] = []
    open_groups: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
    for weight in weights:
        group = open_groups.get((weight.dtype, weight.device), [])
        if not group or sum(other.nbytes for other in group) + weight.nbytes > most_bytes:
            group = open_groups[weight.dtype, weight.device] = []
            groups.append(group)
        group.append(weight)
    return groups


@contextmanager
def average_gradients(model: nn.Module) -> Iterator[AveragedGradients | None]:
    """Let the workers train one model while the block runs, from the first one's weights; None for a process alone."""
    if world_size() == 1:
        yield None
        return
    with torch.no_grad():
        for tensor in itertools.chain(model.parameters(), model.buffers()):
            dist.broadcast(tensor, src=0)
    averaged = AveragedGradients(model)
    try:
        yield averaged
    finally:
        averaged.close()


@torch.no_grad()
def sync_buffers(model: nn.Module) -> None:
    """Give all workers the first one's buffers (batch-norm statistics), so that all evaluate the model it saves."""
    if world_size() > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)
