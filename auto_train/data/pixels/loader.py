"""Batches of stored pixels. Order and random numbers depend on (seed, epoch, step) only: any step can be redone."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch

from auto_train.data.pixels.transform import Pixels
from auto_train.errors import UsageError

Batch = tuple[torch.Tensor, torch.Tensor]


class TargetRows(Protocol):
    """Targets by position: a tensor (N, …), or something that reads them when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, positions: Any, /) -> torch.Tensor: ...


Transform = Callable[[torch.Tensor, torch.Tensor, torch.Generator], Batch]


class BatchLoader:
    """Iterate over (images, targets) batches of one split; a dataloader in fastai's sense.

    Args:
        pixels: the images.
        targets: one target per image, by position.
        transform: maps (images uint8 (B, C, S, S), targets, generator) to what the model gets.
        batch_size: images per batch.
        shuffle: draw a new order in every epoch; the last short batch is then dropped.
        weights: chance of each image to be drawn, with replacement; None draws each image once.
        seed: of order and augmentation.

    Attributes:
        n: images of the split, on all workers together.
        full_bs: images of a full batch as asked for, on all workers together.
        parts: batches that a full one is given in, see :meth:`halve`.
        epoch: decides the order; whoever trains counts it up.
        start: batches of the next epoch to leave out; 0 again as soon as that has begun.
        layout: memory layout the images are brought into; None leaves them as they come.
        share: weight of the latest batch: the mean of share · mean loss over all workers and parts is the mean loss of
            the full batch.
    """

    def __init__(
        self,
        pixels: Pixels,
        targets: TargetRows,
        transform: Transform,
        *,
        batch_size: int,
        shuffle: bool = False,
        weights: torch.Tensor | None = None,
        seed: int = 0,
    ):
        self.pixels, self.targets, self.transform = pixels, targets, transform
        self.shuffle, self.weights, self.seed = shuffle, weights, seed
        self.n = len(pixels)
        self.full_bs = min(batch_size, max(self.n, 1))
        self.parts, self.rank, self.world = 1, 0, 1
        self.epoch, self.start, self.share = 0, 0, 1.0
        self.layout: torch.memory_format | None = None

    @property
    def bs(self) -> int:
        """Images per batch, on all workers together."""
        return -(-self.full_bs // self.parts)

    def __len__(self) -> int:
        """Return the number of batches of an epoch that this worker gets."""
        first, end, size = self._block()
        full, tail = divmod(end - first, size)
        batches = full * len(self._split(np.arange(size)))
        return batches if self.shuffle else batches + len(self._split(np.arange(tail)))

    def __iter__(self) -> Iterator[Batch]:
        start, self.start = self.start, 0
        return self._batches(start)

    def order(self, epoch: int) -> np.ndarray:
        """Return the positions visited in this epoch, in order, by all workers together."""
        if not self.shuffle:
            return np.arange(self.n)
        generator = self._generator(epoch, -1)
        if self.weights is not None:
            return torch.multinomial(self.weights, self.n, replacement=True, generator=generator).numpy()
        return torch.randperm(self.n, generator=generator).numpy()

    def halve(self) -> bool:
        """Give every batch in two, where memory is short; tell whether that was possible.

        The order of the images stays: what was step k is now steps 2k and 2k + 1.
        """
        if self.full_bs // (2 * self.parts) < (self.world if self.shuffle else 1):
            return False
        self.parts *= 2
        return True

    def shard(self, rank: int, world: int) -> None:
        """Give this worker its part: of every training batch, or of the rows of an evaluation split.

        The parts differ by one image at most. Those of an evaluation are blocks: what the workers find in them is, one
        worker after the other, in the order of the rows.

        Raises:
            UsageError: batches of a training split with less images than workers.
        """
        if self.shuffle and self.full_bs // self.parts < world:
            raise UsageError(
                f"a batch of {self.bs} images cannot be divided among {world} workers",
                where="[training.scheme] batch_size",
                allowed=f"at least {world}, and as many training images",
                hint=f"or train with --workers {self.bs}",
            )
        self.rank, self.world = rank, world

    def batch(self, positions: np.ndarray, step: int) -> Batch:
        """Return the batch of these positions as this epoch's given step makes it."""
        return self._make_batch(self.pixels.batch(positions), positions, step)

    def one_batch(self) -> Batch:
        """Return the first batch of the epoch."""
        return next(self._batches(0))

    def _batches(self, start: int) -> Iterator[Batch]:
        order = self.order(self.epoch)
        first, end, size = self._block()
        steps = [
            (number * self.parts + part, positions)
            for number, at in enumerate(range(first, end - size + 1 if self.shuffle else end, size))
            for part, positions in self._split(order[at : min(at + size, end)])
        ][start:]
        pixels = self.pixels.batches([positions for _, positions in steps])
        for (step, positions), array in zip(steps, pixels, strict=True):
            self.share = len(positions) * self.world * self.parts / self.full_bs
            yield self._make_batch(array, positions, step)

    def _block(self) -> tuple[int, int, int]:
        """Return where in the order this worker begins, where it ends, and the size of a full batch."""
        if self.shuffle:
            return 0, self.n, self.full_bs
        first, end = (rank * self.n // self.world for rank in (self.rank, self.rank + 1))
        return first, end, -(-self.full_bs // self.world)

    def _split(self, full: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """Return this worker's positions of each part of a full batch, less empty ones, and the number of the part."""
        parts = [_share(full, part, self.parts) for part in range(self.parts)]
        mine = [_share(part, self.rank, self.world) for part in parts] if self.shuffle else parts
        return [(part, positions) for part, positions in enumerate(mine) if len(positions)]

    def _make_batch(self, array: np.ndarray, positions: np.ndarray, step: int) -> Batch:
        images = torch.from_numpy(array).permute(0, 3, 1, 2)
        images, targets = self.transform(images, self.targets[positions], self._generator(self.epoch, step, self.rank))
        return images if self.layout is None else images.contiguous(memory_format=self.layout), targets

    def _generator(self, epoch: int, step: int, rank: int = 0) -> torch.Generator:
        words = np.random.SeedSequence([self.seed, epoch, step + 1, rank]).generate_state(2, np.uint32)
        return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))


def _share(positions: np.ndarray, number: int, of: int) -> np.ndarray:
    """Return one of so many parts; doubling their number divides each in two."""
    return positions[number * len(positions) // of : (number + 1) * len(positions) // of]
