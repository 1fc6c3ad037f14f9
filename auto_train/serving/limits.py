"""How much the service takes on at a time."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from auto_train.errors import RequestError


class Slots:
    """Count the requests taken on and refuse one more than fit, before its body is read. For one event loop.

    Args:
        workers: requests answered at a time.
        queue: requests that may wait.
    """

    def __init__(self, workers: int, queue: int):
        self._workers, self._limit = workers, workers + queue
        self.taken = 0
        self._seconds = 0.1  # of one request: running mean, for Retry-After

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold one slot.

        Raises:
            RequestError: 429, all are taken.
        """
        if self.taken >= self._limit:
            wait = max(1, math.ceil(self._seconds * self.taken / self._workers))
            raise RequestError(
                f"{self.taken} requests are being answered or waiting",
                status=429,
                type="queue_full",
                hint="try again later",
                headers={"Retry-After": str(wait)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the answering of one request, without its waiting."""
        start = time.monotonic()
        yield
        self._seconds += 0.1 * (time.monotonic() - start - self._seconds)
