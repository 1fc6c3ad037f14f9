"""How much the service takes on at a time: requests that wait or are answered, and bytes of uploads in memory."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from auto_train.errors import RequestError


class Slots:
    """Count the requests that wait or are answered, and refuse one more than fit. May be used by several threads.

    Args:
        workers: requests answered at a time.
        queue: requests that may wait.
    """

    def __init__(self, workers: int, queue: int):
        self._workers, self._limit = workers, workers + queue
        self.taken = 0
        self._lock = threading.Lock()
        self._seconds = 0.1  # of one request: running mean, for Retry-After

    def take(self) -> None:
        """Take one slot; :meth:`release` gives it back.

        Raises:
            RequestError: 429, all are taken.
        """
        with self._lock:
            self.require_free()
            self.taken += 1

    def release(self) -> None:
        """Give one slot back."""
        with self._lock:
            self.taken -= 1

    def require_free(self) -> None:
        """Refuse a request early, before its body is read.

        Raises:
            RequestError: 429, all slots are taken.
        """
        if self.taken >= self._limit:
            wait = max(1, math.ceil(self._seconds * self.taken / self._workers))
            raise _busy(f"{self.taken} requests are being answered or waiting", wait)

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure the answering of one request, without its waiting."""
        start = time.monotonic()
        yield
        self._seconds += 0.1 * (time.monotonic() - start - self._seconds)


class Memory:
    """Count the bytes of all uploads in memory, those that still arrive included. For one event loop.

    Args:
        limit: bytes of all uploads together.
    """

    def __init__(self, limit: int):
        self.limit, self.held = limit, 0

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Yield a count of one request's bytes, which are given back when the block ends."""
        held = Held(self)
        try:
            yield held
        finally:
            self.held -= held.size


class Held:
    """The bytes that one request holds.

    Args:
        memory: what they are a part of.
    """

    def __init__(self, memory: Memory):
        self._memory, self.size = memory, 0

    def add(self, size: int) -> None:
        """Hold more bytes.

        Raises:
            RequestError: 429, all uploads together would be larger than allowed.
        """
        if self._memory.held + size > self._memory.limit:
            raise _busy(f"the uploads of other requests fill {self._memory.limit / 1e6:g} MB of memory", 1)
        self._memory.held += size
        self.size += size


def _busy(message: str, wait_s: int) -> RequestError:
    return RequestError(
        message, status=429, type="queue_full", hint="try again later", headers={"Retry-After": str(wait_s)}
    )
