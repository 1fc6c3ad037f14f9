"""Progress on stderr: a bar and a table on a terminal, one line per epoch elsewhere. Nothing of it reaches stdout."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auto_train.cli.bar import Bar
from auto_train.cli.epochs import Table, as_log_line, epoch_cells
from auto_train.types import Progress


@contextmanager
def show_progress() -> Iterator["Console"]:
    """Yield the listener that prints what it hears, in the form that suits stderr; warnings of the log go there too."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    console = _Terminal() if is_terminal else Console()
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
        for line in self.lines(event):
            self.print(line)

    def lines(self, event: Progress) -> list[str]:
        """Return what of an event is worth keeping: its message, a finished epoch, or nothing."""
        said = [f"{event.stage}  {event.message}"] if event.message else []
        return [*said, *self.epoch(event)] if event.epoch_ended else said

    def epoch(self, event: Progress) -> list[str]:
        """Return a finished epoch's lines."""
        return [as_log_line(event.row, event.total)]

    def warn(self, message: str) -> None:
        self.warned.append(message.strip())
        self.print(f"warning: {message.strip()}")

    def print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class _Terminal(Console):
    """One bar, of what runs now; epochs and messages scroll by above it."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._bar, self._table = Bar(), Table()
        self._console = RichConsole(stderr=True)
        # What others print on a terminal goes above the bar; what goes into a file is none of its business.
        self._live = Live(
            self._bar,
            console=self._console,
            refresh_per_second=5,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> "Console":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def __call__(self, event: Progress) -> None:
        self._bar.update(event)
        super().__call__(event)

    def epoch(self, event: Progress) -> list[str]:
        return self._table.lines(epoch_cells(event.row, event.total), self._console.width)

    def print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
