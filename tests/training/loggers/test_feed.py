import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from loguru import logger as log

from auto_train.errors import Interrupted, UsageError
from auto_train.training.loggers.base import Status
from auto_train.training.loggers.feed import Feed, finite_numbers


class Recorder:
    """A logger that keeps what it is told.

    Args:
        fails: what it raises at these calls: ``start``, ``log``, ``finish``.
        gate: it logs nothing before this is set.
    """

    next_step = "plug it in"

    def __init__(self, *fails: str, gate: threading.Event | None = None):
        self.fails, self.gate = fails, gate
        self.calls: list[object] = []
        self.threads: set[threading.Thread] = set()

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        return self._take("start", run.name, name, dict(config))

    def log(self, row: Mapping[str, float], step: int) -> None:
        if self.gate:
            self.gate.wait(30)
        self._take("log", dict(row), step)

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        self._take("finish", status, dict(metrics))

    def _take(self, *call: object) -> str:
        self.calls.append(call)
        self.threads.add(threading.current_thread())
        if call[0] in self.fails:
            raise ConnectionError("the network is down")
        return "a place"


@pytest.fixture
def warned() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = log.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    log.remove(sink)


def test_feed_hands_everything_to_each_logger_in_order(tmp_path: Path):
    first, second = Recorder(), Recorder()
    feed = Feed({"first": first, "second": second})
    assert feed.start(tmp_path / "run", "name", {"a": 1}) == {"first": "a place", "second": "a place"}
    for epoch in range(1, 4):
        feed.log({"epoch": epoch, "stage": "all", "lr": 0.5 / epoch}, epoch)
    feed.finish("done", {"valid/accuracy": 0.5})
    assert first.calls == second.calls
    assert first.calls == [
        ("start", "run", "name", {"a": 1}),
        *[("log", {"lr": 0.5 / epoch}, epoch) for epoch in (1, 2, 3)],
        ("finish", "done", {"valid/accuracy": 0.5}),
    ]
    assert threading.main_thread() in first.threads and len(first.threads) == 2


def test_numbers_for_loggers_are_finite_and_without_the_step():
    row = {"epoch": 3, "stage": "all", "a": 1, "b": 0.5, "c": None, "d": float("nan"), "e": float("-inf")}
    assert finite_numbers(row) == {"a": 1.0, "b": 0.5}


def test_logger_that_fails_in_the_middle_warns_once_and_leaves_the_others_alone(tmp_path: Path, warned: list[str]):
    broken, sound = Recorder("log"), Recorder()
    feed = Feed({"broken": broken, "sound": sound})
    feed.start(tmp_path, "name", {})
    for epoch in (1, 2, 3):
        feed.log({"lr": 0.1}, epoch)
    feed.finish("done", {})
    assert warned == ["The logger 'broken' does not take metrics: the network is down; metrics.jsonl has everything"]
    # It is asked again each time: a network comes back.
    assert [call[0] for call in broken.calls] == [call[0] for call in sound.calls]  # type: ignore[index]


def test_logger_that_hangs_keeps_neither_the_training_nor_its_end_waiting(tmp_path: Path, warned: list[str]):
    gate = threading.Event()
    feed = Feed({"slow": Recorder(gate=gate)}, finish_timeout_s=0.2)
    feed.start(tmp_path, "name", {})
    began = time.monotonic()
    for epoch in range(100):
        feed.log({"lr": 0.1}, epoch)
    assert time.monotonic() - began < 2  # the logger hangs until the gate opens
    feed.finish("done", {})
    assert time.monotonic() - began < 5
    gate.set()
    assert warned == ["The logger 'slow' has not taken everything in time; metrics.jsonl has everything"]


def test_logger_that_cannot_start_ends_the_training_before_it_begins(tmp_path: Path):
    first, broken = Recorder(), Recorder("start")
    feed = Feed({"first": first, "broken": broken})
    with pytest.raises(UsageError, match=r"\[training\] loggers: .* 'broken' cannot start: the network is down"):
        feed.start(tmp_path, "name", {})
    assert first.calls[-1] == ("finish", "failed", {})


def test_feed_of_no_loggers_does_nothing(tmp_path: Path):
    feed = Feed({})
    assert feed.start(tmp_path, "name", {}) == {}
    feed.log({"lr": 0.1}, 1)
    feed.finish("done", {})


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, "done"), (Interrupted("stop"), "interrupted"), (KeyboardInterrupt(), "interrupted"), (OSError(), "failed")],
)
def test_recording_ends_as_its_block_does(tmp_path: Path, error: BaseException | None, status: str):
    kept = Recorder()
    feed = Feed({"kept": kept})
    with suppress(OSError, Interrupted, KeyboardInterrupt), feed.recording(tmp_path, "name", {}) as places:
        assert places == {"kept": "a place"}
        if error:
            raise error
        feed.final = {"valid/accuracy": 0.5, "data": "somewhere"}
    assert kept.calls[-1] == ("finish", status, {} if error else {"valid/accuracy": 0.5})


def test_loggers_are_told_no_password_of_the_config(tmp_path: Path):
    kept = Recorder()
    urls = {"url": "https://me:secret@host/a?b=c@d", "plain": "https://host/@a", "number": 3}
    Feed({"kept": kept}).start(tmp_path, "name", urls)
    assert kept.calls[0][-1] == {"url": "https://host/a?b=c@d", "plain": "https://host/@a", "number": 3}  # type: ignore[index]
