import threading
import time

import pytest

from auto_train.serving.workers import Workers


def test_calls_are_answered_and_their_errors_raised() -> None:
    workers = Workers(2)
    assert workers.submit(lambda: 3).result(5) == 3
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 / 0).result(5)
    assert workers.close(5)


def test_close_cancels_what_waits_and_does_not_wait_for_what_runs() -> None:
    workers, go_on, begun = Workers(1), threading.Event(), threading.Event()
    running = workers.submit(lambda: (begun.set(), go_on.wait(20)))
    waiting = workers.submit(lambda: 3)
    assert begun.wait(5)
    start = time.monotonic()
    assert not workers.close(0.1)
    assert time.monotonic() - start < 2
    go_on.set()
    assert running.result(5) and workers.close(5)
    assert waiting.cancelled()


def test_workers_that_were_never_asked_are_closed_at_once() -> None:
    assert Workers(4).close(0)
