"""Work on many items in threads, a bounded number ahead of whoever uses the results."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from auto_train.cores import num_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def create_pool(name: str) -> ThreadPoolExecutor:
    """Return as many threads as there are cores to use; decoding, hashing and resizing run outside Python's lock."""
    return ThreadPoolExecutor(num_cores(), thread_name_prefix=name)


def map_in_order(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Generator[Result]:
    """Yield function(item) for every item, in the items' order.

    Args:
        ahead: how many more items than the one waited for are in work or done; what is taken from ``items`` and what
            is kept in memory is bounded by it.
    """
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
