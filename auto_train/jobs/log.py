"""A job's output: stderr and stdout of its training in one file, and what it says to programs."""

import json
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

# Most bytes of a log; a training that prints more goes on, unheard.
LARGEST = 50_000_000
LONGEST_LINE = 1 << 24


class Log:
    """The file. What cannot be written, on a full disk, is lost: no reason for a training to fail.

    Args:
        path: of the file; it is begun anew.
        largest: bytes it may have.
    """

    def __init__(self, path: Path, largest: int = LARGEST):
        self.path, self._left, self._lock = path, largest, threading.Lock()
        with suppress(OSError):
            path.write_bytes(b"")

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._left > 0:
                self._append(data[: self._left])
                self._left -= len(data)
                if self._left <= 0:
                    self._append(b"\n(the rest is left out: the log is full)\n")

    def _append(self, data: bytes) -> None:
        with suppress(OSError), self.path.open("ab", buffering=0) as file:
            file.write(data)


class Output:
    """Takes what a training prints.

    Args:
        stdout: its lines of ``--json`` are kept; others are logged.
        stderr: is logged.

    Attributes:
        said: the last JSON object of each type: ``run`` when it is done, ``error`` when it is not.
    """

    def __init__(self, log: Log, stdout: IO[bytes], stderr: IO[bytes]):
        self.said: dict[str, dict[str, Any]] = {}
        self._log = log
        self._threads = [
            threading.Thread(target=self._take, args=(stdout, self._hear), daemon=True),
            threading.Thread(target=self._take, args=(stderr, log.write), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait until both have ended; a process that outlives the training may hold them open."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _take(self, pipe: IO[bytes], use: Any) -> None:
        with pipe:
            for line in iter(partial(pipe.readline, LONGEST_LINE), b""):
                use(line)

    def _hear(self, line: bytes) -> None:
        with suppress(ValueError, TypeError, KeyError):
            found = json.loads(line)
            self.said[found["type"]] = found
            return
        self._log.write(line)
