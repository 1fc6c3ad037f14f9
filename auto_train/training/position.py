"""Where a training is: what a checkpoint must say so that the next batch is the one that would have come."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place inside a stage, between two batches.

    Attributes:
        epoch: finished epochs of the stage.
        iter: training batches done in the epoch under way.
        rng: state of the random generators when that epoch's pass began, for loaders that draw their order from them.
        rng_after: their state when it had ended, from when on evaluation may draw from them too.
    """

    epoch: int = 0
    iter: int = 0
    rng: dict[str, Any] | None = None
    rng_after: dict[str, Any] | None = None
