"""Threads that answer requests. Unlike those of concurrent.futures they do not keep the process from ending."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Workers:
    """A fixed number of threads and the queue before them.

    An image that takes long to decode is in C code, which nothing can interrupt. The threads are daemons, so that the
    process can end all the same.

    Args:
        number: threads; they start with the first call.
    """

    def __init__(self, number: int):
        self._number = number
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def submit(self, function: Callable[[], Any]) -> "Future[Any]":
        """Return the future of a call, which may be cancelled until a thread takes it."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._work, name=f"predict_{number}", daemon=True)
                for number in range(self._number)
            ]
            for thread in self._threads:
                thread.start()
        future: Future[Any] = Future()
        self._queue.put((future, function))
        return future

    def close(self, timeout_s: float) -> bool:
        """Cancel what waits, and tell whether what runs has ended in this time."""
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function = item
            if self._is_closed:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future raises it
                future.set_exception(error)
            else:
                future.set_result(result)
            del item, future, function
