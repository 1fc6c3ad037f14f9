"""Progress on stderr: a bar on a terminal, one line per epoch elsewhere. Nothing of it reaches stdout."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from auto_train.types import Listener, Progress


@contextmanager
def shown() -> Iterator[Listener]:
    """Yield the listener that prints what it hears, in the form that suits stderr."""
    if not sys.stderr.isatty():
        yield _print_line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars)


@dataclass
class _Bars:
    """One bar, of the stage that runs now; epochs and messages scroll by above it."""

    bars: Any
    stage: str = ""

    def __call__(self, event: Progress) -> None:
        if event.stage != self.stage:
            for task in self.bars.task_ids:
                self.bars.remove_task(task)
            self.bars.add_task(event.stage, total=event.total)
            self.stage = event.stage
        self.bars.update(self.bars.task_ids[0], completed=event.done, total=event.total)
        if line := as_line(event):
            self.bars.console.print(line, markup=False, highlight=False)


def _print_line(event: Progress) -> None:
    if line := as_line(event):
        print(line, file=sys.stderr, flush=True)


def as_line(event: Progress) -> str:
    """Return the line an event is worth: its message, an epoch's metrics, or nothing."""
    count = f" {event.done:g}/{event.total:g}" if event.total else ""
    values = "  ".join(f"{name} {value:.4f}" for name, value in event.metrics.items())
    return (
        "  ".join(part for part in (f"{event.stage}{count}", event.message, values) if part)
        if (event.message or event.metrics)
        else ""
    )
