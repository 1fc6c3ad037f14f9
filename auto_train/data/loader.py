"""Batches from a pixel store. Order and random numbers depend on (seed, epoch, step) only: any step can be redone."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from auto_train.data.store import Pixels

Batch = tuple[torch.Tensor, torch.Tensor]
Transform = Callable[[torch.Tensor, torch.Tensor, torch.Generator], Batch]


class BatchLoader:
    """Iterate over (images, targets) batches of one split; a dataloader in fastai's sense.

    Args:
        pixels: the images.
        targets: one target per image, first axis N.
        transform: maps (images uint8 (B, 3, S, S), targets, generator) to what the model gets.
        batch_size: images per batch.
        shuffle: draw a new order in every epoch; the last short batch is then dropped.
        weights: chance of each image to be drawn, with replacement; None draws each image once.
        seed: of order and augmentation.
    """

    def __init__(
        self,
        pixels: Pixels,
        targets: torch.Tensor,
        transform: Transform,
        *,
        batch_size: int,
        shuffle: bool = False,
        weights: torch.Tensor | None = None,
        seed: int = 0,
    ):
        self.pixels, self.targets, self.transform = pixels, targets, transform
        self.bs = min(batch_size, max(len(pixels), 1))
        self.shuffle, self.weights, self.seed = shuffle, weights, seed
        self.n, self.epoch = len(pixels), 0

    def __len__(self) -> int:
        return self.n // self.bs if self.shuffle else math.ceil(self.n / self.bs)

    def __iter__(self) -> Iterator[Batch]:
        order = self.order(self.epoch)
        for step in range(len(self)):
            yield self.batch(order[step * self.bs : (step + 1) * self.bs], step)

    def order(self, epoch: int) -> np.ndarray:
        """Return the positions visited in this epoch, in order."""
        if not self.shuffle:
            return np.arange(self.n)
        generator = self._generator(epoch, -1)
        if self.weights is not None:
            return torch.multinomial(self.weights, self.n, replacement=True, generator=generator).numpy()
        return torch.randperm(self.n, generator=generator).numpy()

    def batch(self, positions: np.ndarray, step: int) -> Batch:
        """Return the batch of these positions as this epoch's given step makes it."""
        images = torch.from_numpy(self.pixels.batch(positions)).permute(0, 3, 1, 2)
        return self.transform(images, self.targets[positions], self._generator(self.epoch, step))

    def one_batch(self) -> Batch:
        return next(iter(self))

    def _generator(self, epoch: int, step: int) -> torch.Generator:
        words = np.random.SeedSequence([self.seed, epoch, step + 1]).generate_state(2, np.uint32)
        return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))
