"""BatchTimer: seconds of a training batch, without the first ones of a pass."""

from collections import deque
from collections.abc import Callable
from statistics import median

# Batches at the beginning of a pass in which loaders start, kernels are chosen and memory is taken.
WARM_UP = 3
# More than nothing, where a clock is too coarse.
SHORTEST_S = 1e-6
# Batches that say how fast the machine is now: their median, since one may wait for a disk.
RECENT = 7


class BatchTimer:
    """Count the batches of one pass after the other.

    Args:
        clock: seconds since any moment.

    Attributes:
        seen: batches of the running pass.
        batch_s: seconds of one; 0 before ``measure``.
        computing: share of them that is not spent waiting for the loader.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock, self.seen, self.batch_s, self.computing = clock, 0, 0.0, 1.0
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.begin()

    def begin(self) -> None:
        self.seen, self.computed_s, self.began = 0, 0.0, self.clock()
        self.warm_at = self.last = self.batch_began = self.began

    def begin_batch(self) -> None:
        """Take note that the loader has given a batch."""
        self.batch_began = self.clock()

    def count(self) -> None:
        now = self.clock()
        self.seen += 1
        self.computed_s += now - self.batch_began
        self.recent.append(now - self.last)
        self.last = now
        if self.seen == WARM_UP:
            self.warm_at, self.computed_s = now, 0.0

    @property
    def measured(self) -> int:
        """The batches after the warm-up; negative before it is over."""
        return self.seen - WARM_UP

    def recent_s(self) -> float:
        """Return the seconds of a batch as things are now; 0 before the first.

        Two slow ones in a row are believed at once: where they take most of the time, few follow.
        """
        if not self.recent:
            return 0.0
        in_a_row = min(self.recent[-1], self.recent[-2]) if len(self.recent) > 1 else 0.0
        return max(median(self.recent), in_a_row, SHORTEST_S)

    def took_s(self) -> float:
        """Return the seconds since the warm-up."""
        return self.clock() - self.warm_at

    def measure(self) -> None:
        """Take the seconds of a batch from the pass so far; one as short as the warm-up is taken as it is."""
        is_warm = self.measured > 0
        if self.seen:
            took_s, batches = (self.took_s(), self.measured) if is_warm else (self.clock() - self.began, self.seen)
            self.batch_s = max(took_s / batches, SHORTEST_S)
            self.computing = min(self.computed_s / max(took_s, SHORTEST_S), 1.0)
