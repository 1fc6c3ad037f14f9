"""An optimizer step that the workers of one machine divide between them (F3.18).

All workers have the same gradients, so each could move all weights. That costs each of them as much memory traffic as a
process alone, which is what an optimizer waits for. Here each moves a share of the weights and takes the others' from
memory that all of them see. Source: ZeRO, stage 1 (arXiv:1910.02054); but the optimizer's state is shared too, so that
the first worker can write it into a checkpoint without asking the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from auto_train.training.workers.distributed import barrier, is_main, rank, world_size
from auto_train.training.workers.shared_memory import allocate_shared_like

# Those that move a weight by nothing but its own gradient and state: it does not matter who does it.
ELEMENTWISE = (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop)


class DividedStep:
    """Steps an optimizer, each worker its share; all workers step together and have the same gradients.

    Between two steps they wait for each other, as they do when they sum their gradients: what one publishes in a step
    the others have taken before the next.

    Args:
        optimizer: with the same weights and state in all workers.
        published: a tensor like each of its weights that all workers see.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, published: Sequence[torch.Tensor]):
        self.optimizer, self.published = optimizer, published
        self.weights = _weights(optimizer)
        self.owners = _owners([weight.numel() for weight in self.weights])
        # The optimizer's state with the tensors of these weights in shared memory.
        self._state, self._shared = optimizer.state, set[int]()
        self._is_divided = True

    @torch.no_grad()
    def step(self) -> None:
        """Do what ``optimizer.step()`` in every worker would do."""
        if not self._is_divided:
            self.optimizer.step()
            return
        moved = [i for i, weight in enumerate(self.weights) if weight.grad is not None]
        if self._state is not self.optimizer.state or not self._shared.issuperset(moved):
            # The first step, which makes the state, and the first after a state was loaded.
            known = self._shared if self._state is self.optimizer.state else set()
            self.give_back()
            self.optimizer.step()
            self._share(known.union(moved))
            return
        mine = [i for i in moved if self.owners[i] == rank()]
        others = [i for i in moved if self.owners[i] != rank()]
        with _without_gradients([self.weights[i] for i in others]):
            self.optimizer.step()
        for i in mine:
            self.published[i].copy_(self.weights[i])
        barrier()
        for i in others:
            self.weights[i].copy_(self.published[i])

    def give_back(self) -> None:
        """Let this worker's optimizer have its state for itself."""
        if self._shared:  # a state that was loaded may have tensors of the one before
            for state, key in self._tensors():
                state[key] = state[key].clone()
        self._shared = set()

    def _share(self, moved: set[int]) -> None:
        """Put the state that all workers have into shared memory.

        Args:
            moved: weights that have been moved so far, which have all the state they will have.
        """
        self._state = self.optimizer.state
        places = list(self._tensors())
        shared = allocate_shared_like([state[key] for state, key in places])
        if shared is None:
            self._is_divided = False
            return
        for (state, key), place in zip(places, shared):
            if is_main():
                place.copy_(state[key])
            state[key] = place
        barrier()
        self._shared = moved

    def _tensors(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield where the tensors of the state stand, in the same order in all workers."""
        for weight in self.weights:
            state = self.optimizer.state.get(weight, {})
            for key in sorted(state):
                if isinstance(state[key], torch.Tensor):
                    yield state, key


@contextmanager
def _without_gradients(weights: Sequence[torch.Tensor]) -> Iterator[None]:
    """Let an optimizer pass over these weights while the block runs."""
    gradients = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    try:
        yield
    finally:
        for weight, gradient in zip(weights, gradients):
            weight.grad = gradient


def _weights(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _owners(sizes: Sequence[int]) -> list[int]:
    """Return the worker of each weight: the largest first, each to the worker that has least so far."""
    owners, loads = [0] * len(sizes), [0] * world_size()
    for i in sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True):
        owners[i] = loads.index(min(loads))
        loads[owners[i]] += sizes[i]
    return owners


@contextmanager
def divide_step(optimizer: torch.optim.Optimizer) -> Iterator[DividedStep | None]:
    """Let the workers divide the optimizer's steps while the block runs; None where they cannot, on all of them."""
    weights = _weights(optimizer)
    is_possible = world_size() > 1 and type(optimizer) in ELEMENTWISE and all(w.device.type == "cpu" for w in weights)
    published = allocate_shared_like(weights) if is_possible else None
    if published is None:
        yield None
        return
    divided = DividedStep(optimizer, published)
    try:
        yield divided
    finally:
        divided.give_back()
