"""Progress on stderr: a bar on a terminal, one line per epoch elsewhere. Nothing of it reaches stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from auto_train.types import Progress


@contextmanager
def shown() -> Iterator["Console"]:
    """Yield the listener that prints what it hears, in the form that suits stderr; warnings of the log go there too."""
    console = _Terminal() if sys.stderr.isatty() else Console()
    with console:
        log_warnings_to(console.warn)
        yield console


def log_warnings_to(sink: Callable[[str], None]) -> None:
    """Send the log's warnings and errors, and nothing else of it, to a function; the run's log.txt has everything."""
    from loguru import logger

    logger.remove()
    logger.add(sink, level="WARNING", format="{message}")


class Console:
    """A listener of actions for stderr that is a file or a pipe.

    Attributes:
        warned: the warnings printed so far.
    """

    def __init__(self) -> None:
        self.warned: list[str] = []

    def __enter__(self) -> "Console":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, event: Progress) -> None:
        if line := as_line(event):
            self.print(line)

    def warn(self, message: str) -> None:
        self.warned.append(message.strip())
        self.print(f"warning: {message.strip()}")

    def print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class _Terminal(Console):
    """One bar, of the stage that runs now; epochs and messages scroll by above it."""

    def __init__(self) -> None:
        super().__init__()
        from rich import console, progress

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            console=console.Console(stderr=True),
            transient=True,
        )
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> "Console":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def __call__(self, event: Progress) -> None:
        if event.stage != self._stage:
            if self._bar is not None:
                self._bars.remove_task(self._bar)
            self._bar, self._stage = self._bars.add_task(event.stage, total=event.total), event.stage
        if event.total is not None:
            self._bars.update(self._bar, completed=event.done, total=event.total)
        super().__call__(event)

    def print(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)


def as_line(event: Progress) -> str:
    """Return the line an event is worth: its message, an epoch's metrics, or nothing."""
    if not (event.message or event.metrics):
        return ""
    stage = f"{event.stage} {event.done:g}/{event.total:g}" if event.total else event.stage
    values = "  ".join(f"{name} {value:.4f}" for name, value in event.metrics.items())
    return "  ".join(part for part in (stage, values, event.message) if part)
