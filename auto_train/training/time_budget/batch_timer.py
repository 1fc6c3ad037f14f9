"""BatchTimer: seconds of a training batch, without the first ones of a pass."""

from collections.abc import Callable

# Batches at the beginning of a pass in which loaders start, kernels are chosen and memory is taken.
WARM_UP = 3
# More than nothing, where a clock is too coarse.
SHORTEST_S = 1e-6


class BatchTimer:
    """Count the batches of one pass after the other.

    Args:
        clock: seconds since any moment.

    Attributes:
        seen: batches of the running pass.
        batch_s: seconds of one; 0 before ``measure``.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock, self.seen, self.batch_s = clock, 0, 0.0
        self.began = self.warm_at = clock()

    def begin(self) -> None:
        self.seen, self.began = 0, self.clock()

    def count(self) -> None:
        self.seen += 1
        if self.seen == WARM_UP:
            self.warm_at = self.clock()

    @property
    def measured(self) -> int:
        """The batches after the warm-up; negative before it is over."""
        return self.seen - WARM_UP

    def took_s(self) -> float:
        """Return the seconds since the warm-up."""
        return self.clock() - self.warm_at

    def measure(self) -> None:
        """Take the seconds of a batch from the pass so far; one as short as the warm-up is taken as it is."""
        if self.measured > 0:
            self.batch_s = max(self.took_s() / self.measured, SHORTEST_S)
        elif self.seen:
            self.batch_s = max((self.clock() - self.began) / self.seen, SHORTEST_S)
