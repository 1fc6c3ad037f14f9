"""Feed: hands metrics to loggers so that none of them keeps the training waiting or ends it."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from loguru import logger as log

from auto_train.errors import Interrupted, UsageError
from auto_train.training.loggers.base import Logger, Status

# More than the libraries themselves give their uploads.
FINISH_TIMEOUT_S = 90.0


class Feed:
    """The loggers of one run, each in a thread of its own.

    What one cannot take is lost to it alone, with one warning: metrics.jsonl has everything.

    Args:
        loggers: by name.
        finish_timeout_s: seconds a finished training waits for what is still on its way.

    Attributes:
        final: metrics of the finished model, once there is one.
    """

    def __init__(self, loggers: Mapping[str, Logger], *, finish_timeout_s: float = FINISH_TIMEOUT_S):
        self.loggers, self.finish_timeout_s = loggers, finish_timeout_s
        self.final: Mapping[str, object] = {}
        self._lines: dict[str, _Line] = {}

    @contextmanager
    def recording(self, run: Path, name: str, config: Mapping[str, object]) -> Iterator[dict[str, str]]:
        """Yield where the records are, and close them with how the block ended; ``final`` is what a good end leaves.

        Raises:
            UsageError: see start.
        """
        places = self.start(run, name, config)
        status: Status = "failed"
        try:
            yield places
            status = "done"
        except (KeyboardInterrupt, Interrupted):
            status = "interrupted"
            raise
        finally:
            self.finish(status, self.final)

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> dict[str, str]:
        """Open every logger's record and return where each of them is.

        Raises:
            UsageError: a service is not to be reached, has no account, …: better now than after hours.
        """
        places = {}
        public = {key: without_password(value) for key, value in config.items()}
        for key, logger in self.loggers.items():
            try:
                places[key] = logger.start(run, name, public)
            except Exception as error:
                self.finish("failed", {})
                raise UsageError(
                    f"the logger '{key}' cannot start: {error}", where="[training] loggers", hint=logger.next_step
                ) from error
            self._lines[key] = _Line(key, logger)
        return places

    def log(self, row: Mapping[str, object], step: int) -> None:
        """Pass on the finite numbers of an epoch; returns at once."""
        numbers = finite_numbers(row)
        for line in self._lines.values():
            line.put(lambda logger: logger.log(numbers, step))

    def finish(self, status: Status, metrics: Mapping[str, object]) -> None:
        """Close the records that were opened; waits for them, but not for ever."""
        numbers = finite_numbers(metrics)
        for line in self._lines.values():
            line.put(lambda logger: logger.finish(status, numbers), is_last=True)
        deadline = time.monotonic() + self.finish_timeout_s
        for line in self._lines.values():
            line.join(deadline - time.monotonic())
        self._lines.clear()


def without_password(value: object) -> object:
    """Return a config's value as others may see it: a URL without user and password."""
    return re.sub(r"://[^/@\s]*@", "://", value) if isinstance(value, str) else value


def finite_numbers(row: Mapping[str, object]) -> dict[str, float]:
    """Return what a logger can draw: no text, no None, no NaN, and no epoch, which is the step."""
    numbers = {key: float(value) for key, value in row.items() if isinstance(value, int | float) and key != "epoch"}
    return {key: value for key, value in numbers.items() if math.isfinite(value)}


class _Line:
    """One logger's thread and what waits for it."""

    def __init__(self, name: str, logger: Logger):
        self.name, self.logger, self.has_warned = name, logger, False
        self.waiting: SimpleQueue[tuple[Callable[[Logger], None], bool]] = SimpleQueue()
        # A daemon: a hanging upload must not keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=f"logger-{name}", daemon=True)
        self.thread.start()

    def put(self, action: Callable[[Logger], None], *, is_last: bool = False) -> None:
        self.waiting.put((action, is_last))

    def join(self, timeout_s: float) -> None:
        self.thread.join(max(timeout_s, 0.0))
        if self.thread.is_alive():
            self._warn("has not taken everything in time")

    def _run(self) -> None:
        is_last = False
        while not is_last:
            action, is_last = self.waiting.get()
            try:
                action(self.logger)
            except Exception as error:  # noqa: BLE001 - whatever a foreign library raises must not end a training
                self._warn(f"does not take metrics: {error}")

    def _warn(self, what: str) -> None:
        if not self.has_warned:
            self.has_warned = True
            log.warning("The logger '{}' {}; metrics.jsonl has everything", self.name, what)
