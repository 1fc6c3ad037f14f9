"""Where the lines of a chart lie; the template draws them. Plain numbers, so that a chart can be drawn every second."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auto_train.runs.listing import Metrics, number
from auto_train.runs.read import Row

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 30
MAX_POINTS = 400  # of a line: more would not be seen
MAX_DOTS = 40  # above that many epochs the points of a line are not marked
PASSES = ("train", "valid", "ema_valid", "test", "ema_test")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One pass over the epochs.

    Attributes:
        name: of the pass, ``train``.
        path: an SVG path in the chart's coordinates; a gap where an epoch has no value.
        dots: (x, y, epoch, value) of each point that is marked.
        last: the newest value.
    """

    name: str
    path: str
    dots: tuple[tuple[float, float, int, float], ...]
    last: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One quantity over the epochs.

    Attributes:
        title: its name, ``loss``.
        x_ticks, y_ticks: (position, text) each.
    """

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def draw_charts(metrics: Metrics, total_epochs: int | None = None) -> list[Chart]:
    """Return a chart of the loss, one of what the run is judged by, then the other metrics.

    Args:
        total_epochs: how far the axis goes, so that a running training grows into it.
    """
    rows = metrics.epochs
    names = dict.fromkeys(key.partition("/")[2] for row in rows[-1:] for key in row if "/" in key)
    order = ["loss", metrics.judged_by.partition("/")[2], *names]
    found = [draw(name, rows, total_epochs) for name in dict.fromkeys(order) if name in names]
    return [chart for chart in found if chart.lines]


def draw(name: str, rows: Sequence[Row], total_epochs: int | None = None) -> Chart:
    """Return the chart of one quantity; without lines where no pass has a value.

    Args:
        rows: of metrics.jsonl, each with ``epoch``.
    """
    series = {of: _points(f"{of}/{name}", rows) for of in PASSES}
    series = {of: points for of, points in series.items() if any(value is not None for _, value in points)}
    values = [value for points in series.values() for _, value in points if value is not None]
    if not values:
        return Chart(title=name, lines=(), x_ticks=(), y_ticks=())
    epochs = [int(row["epoch"]) for row in rows]
    first, last = min(epochs), max([*epochs, total_epochs or 0])
    y_ticks = ticks(min(values), max(values))
    across = _Scale(first, last, LEFT, WIDTH - RIGHT)
    up = _Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    whole = [tick for tick in ticks(first, last, whole=True) if first <= tick <= last]
    return Chart(
        title=name,
        lines=tuple(_line(of, points, across, up) for of, points in series.items()),
        x_ticks=tuple((across(tick), f"{tick:.0f}") for tick in whole),
        y_ticks=tuple((up(tick), f"{tick:.6g}") for tick in y_ticks),
    )


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return four to seven round numbers, evenly spaced, that hold the range.

    Args:
        whole: take whole numbers only.
    """
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):
        pad = 1.0 if whole else max(abs(low) / 10, 1e-3)
        low, high = low - pad, high + pad
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    step = max(round(step), 1) if whole else step
    return [step * at for at in range(math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1)]


def sparkline(metrics: Metrics, width: int = 96, height: int = 24) -> str:
    """Return the SVG path of what a run is judged by, without axes; "" where fewer than two epochs have a value."""
    points = _points(metrics.judged_by, metrics.epochs)
    values = [value for _, value in points if value is not None]
    if len(values) < 2:
        return ""
    across = _Scale(points[0][0], points[-1][0], 2, width - 2)
    return _path(points, across, _Scale(min(values), max(values), height - 3, 3))


class _Scale:
    """From values to positions; a range of nothing lies in the middle."""

    def __init__(self, low: float, high: float, start: float, end: float):
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def _points(key: str, rows: Sequence[Row]) -> list[tuple[int, float | None]]:
    every = max(1, math.ceil(len(rows) / MAX_POINTS))
    shown = [*rows[:-1:every], *rows[-1:]]
    return [(int(row["epoch"]), number(row.get(key))) for row in shown]


def _line(name: str, points: list[tuple[int, float | None]], across: _Scale, up: _Scale) -> Line:
    known = [(epoch, value) for epoch, value in points if value is not None]
    marked = known if len(known) <= MAX_DOTS else known[-1:]
    dots = tuple((across(epoch), up(value), epoch, value) for epoch, value in marked)
    return Line(name=name, path=_path(points, across, up), dots=dots, last=known[-1][1])


def _path(points: list[tuple[int, float | None]], across: _Scale, up: _Scale) -> str:
    parts, pen = [], "M"
    for epoch, value in points:
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{across(epoch)} {up(value)}")
        pen = "L"
    return "".join(parts)
