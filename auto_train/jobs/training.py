"""The training's side of a job: it writes down how far it is, and does not outlive the worker that started it."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from auto_train.files import replace_file
from auto_train.jobs.files import TOLD
from auto_train.types import Listener, Progress, as_plain

# Seconds between two writings inside an epoch.
INTERVAL_S = 1.0


def as_job(folder: Path, listener: Listener) -> Listener:
    """Make this process the training of a job.

    Args:
        folder: the job's; ``progress.json`` there is what others see.
        listener: hears everything too.
    """
    stdin = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123 - whoever reads stdin finds it empty
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_end_with, args=(stdin,), daemon=True).start()
    return Told(folder / TOLD, listener)


class Told:
    """A listener that keeps the last that was told in a file, which is whole at any moment.

    Args:
        path: of the file; one that cannot be written, on a full disk, is no reason for a training to end.
        listener: hears everything too.
        clock: gives seconds.
    """

    def __init__(self, path: Path, listener: Listener, *, clock: Callable[[], float] = time.monotonic):
        self.path, self.listener, self.clock = path, listener, clock
        self.content: dict[str, Any] = {"message": "", "run": None}
        self.written = float("-inf")

    def __call__(self, event: Progress) -> None:
        news = {name: value for name, value in as_plain(event).items() if value or name not in ("message", "run")}
        if event.message and event.stage == self.content.get("stage"):
            news = {"message": event.message}  # a remark says nothing of how far it is
        self.content |= news
        if event.run or event.message or event.epoch_ended or self.clock() - self.written >= INTERVAL_S:
            self._write()
        self.listener(event)

    def _write(self) -> None:
        self.written = self.clock()
        with suppress(OSError), replace_file(self.path, durable=False) as part:
            part.write_text(json.dumps(self.content, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _end_with(stdin: int) -> None:
    """Wait until the worker at the other end of stdin is gone, however that came, and stop as after SIGTERM."""
    while os.read(stdin, 1):
        pass
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 - nobody reads stdout and stderr any more
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    os.kill(os.getpid(), signal.SIGTERM)
