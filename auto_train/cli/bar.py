"""Bar: the one line of a terminal that tells what runs now, in as much detail as fits."""

import time
from collections.abc import Iterator
from typing import Any

from auto_train.cli.epochs import as_memory, as_number, as_speed, metric_keys, title
from auto_train.durations import as_clock
from auto_train.types import Progress

GAP = 2
NARROWEST, WIDEST = 6, 40


class Bar:
    """A renderable of rich: name, bar, facts. On a narrow terminal the facts that matter least go first."""

    def __init__(self) -> None:
        self.event: Progress | None = None
        self.stage = ""
        self.began = (0.0, 0.0)

    def update(self, event: Progress) -> None:
        if event.stage != self.stage:
            self.stage, self.began = event.stage, (time.monotonic(), event.done)
            self.event = event
        elif event.total is not None or self.event is None:
            self.event = event

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        """Yield the line; rich calls it a few times a second."""
        if self.event is None:
            return
        from rich.progress_bar import ProgressBar
        from rich.segment import Segment

        name, done, facts = self._content(self.event)
        room = options.max_width - len(name) - GAP
        text = "".join(f"{'':{GAP}}{fact}" for fact in choose_fitting(facts, room - NARROWEST))
        size = max(min(room - len(text), WIDEST), 0)
        bar = ProgressBar(total=1.0 if done is not None else None, completed=done or 0.0, width=size)
        yield Segment(f"{name}{'':{GAP}}"[: options.max_width])
        if size:
            yield from console.render(bar, options.update_width(size))
        yield Segment(text)

    def _content(self, event: Progress) -> tuple[str, float | None, list[tuple[int, str]]]:
        """Return the line's name, the share that is done, and facts with their rank, 0 the most important."""
        if not event.row:
            done = event.done / event.total if event.total else None
            return event.stage, done, [] if done is None else [(1, f"{done:4.0%}"), (0, self._format_left(event))]
        epoch = event.row["epoch"]
        # Nothing: it is not known how many batches there are.
        done = 1.0 if event.epoch_ended else event.done - (epoch - 1) or None
        name = f"epoch {epoch}/{event.total:.0f}" if event.total else f"epoch {epoch}"
        return name, done, list(_facts(event))

    def _format_left(self, event: Progress) -> str:
        """Return how long the rest takes if it goes on as it did."""
        began, done_then = self.began
        done = event.done - done_then
        left = (event.total or 0.0) - event.done
        seconds = (time.monotonic() - began) / done * left if done > 0 else None
        return f"eta {as_clock(seconds)}"


def _facts(event: Progress) -> Iterator[tuple[int, str]]:
    row = event.row
    if "train/loss" in row:
        yield 0, f"loss {as_number(row['train/loss'])}"
    metric = next((key for key in (*metric_keys(row), *row) if _is_metric(key)), None)
    if metric:
        yield 3, f"{title(metric).removeprefix('train ')} {as_number(row[metric])}"
    yield 2, f"{as_speed(row.get('images_per_s'))} img/s"
    if "memory_mb" in row:
        yield 5, as_memory(row["memory_mb"])
    if "device_memory_mb" in row:
        yield 4, f"{as_memory(row['device_memory_mb'])} GPU"
    yield 1, f"eta {as_clock(event.eta_s)}"


def _is_metric(key: str) -> bool:
    return "/" in key and not key.endswith("/loss")


def choose_fitting(facts: list[tuple[int, str]], room: int) -> list[str]:
    """Return the texts that fit, in their order; those of a higher rank are left out first."""
    kept = list(facts)
    while kept and sum(len(text) + GAP for _, text in kept) > room:
        kept.remove(max(kept))
    return [text for _, text in kept]
