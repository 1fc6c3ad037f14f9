"""Epochs as text: a table that scrolls by on a terminal, a line of its own each elsewhere, and the one that runs."""

from collections.abc import Mapping
from typing import Any

from auto_train.durations import as_clock

Row = Mapping[str, Any]
Cells = list[tuple[str, str]]

GAP = "  "
# Least room for what is known to grow: "100/100", "unfrozen".
MIN_WIDTHS = {"epoch": 7, "stage": 8, "images/s": 8, "time": 7}
# A table too wide for the terminal loses these first, then metrics from the right.
DISPENSABLE = ("lr", "time", "stage", "images/s")


def epoch_cells(row: Row, total: float | None) -> Cells:
    """Return a finished epoch's columns, as (title, text)."""
    cells = [("epoch", _of(row, total)), ("stage", str(row.get("stage") or ""))]
    cells += [(f"{split} loss", as_number(row.get(f"{split}/loss"))) for split in ("train", "valid")]
    cells += [(title(key), as_number(row[key])) for key in metric_keys(row)]
    cells.append(("lr", _small(row.get("lr"))))
    cells.append(("images/s", as_speed(row.get("images_per_s"))))
    cells.append(("time", as_clock(row.get("seconds"))))
    return cells


def metric_keys(row: Row) -> list[str]:
    """Return what is judged: the metrics of every pass but the training's, without the losses."""
    keys = [key for key in row if "/" in key and not key.endswith("/loss") and not key.startswith("train/")]
    return sorted(keys, key=lambda key: not key.startswith("valid/"))  # stable: the rest as they came


def title(key: str) -> str:
    """Return a metric's name for people: accuracy for ``valid/accuracy``, ema test f1 for ``ema_test/f1``."""
    split, _, name = key.partition("/")
    return name if split == "valid" else f"{split.replace('_', ' ').replace(' valid', '')} {name}"


class Table:
    """Lays rows under a header; its columns are those that fit, until the terminal or the metrics change."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def lines(self, cells: Cells, width: int) -> list[str]:
        """Return the lines of a row, after the header where it is the first of its form.

        Args:
            width: of the terminal, in characters.
        """
        shown = _drop_columns([(name, text, _width(name, text)) for name, text in cells], width)
        row = GAP.join(_align(name, text, size) for name, text, size in shown).rstrip()
        if [name for name, *_ in shown] == self.titles:
            return [row]
        self.titles = [name for name, *_ in shown]
        return [GAP.join(_align(name, name, size) for name, _, size in shown).rstrip(), row]


def _width(name: str, text: str) -> int:
    return max(len(name), len(text), MIN_WIDTHS.get(name, 6))


def _align(name: str, text: str, size: int) -> str:
    return text.ljust(size) if name == "stage" else text.rjust(size)


def _drop_columns(cells: list[tuple[str, str, int]], width: int) -> list[tuple[str, str, int]]:
    """Leave columns out until the rest fits; the epoch and the losses stay."""
    metrics = [name for name, *_ in cells if name not in DISPENSABLE][3:]
    # The first metric is what the training is for: the last to go.
    for name in (*metrics[:0:-1], *DISPENSABLE, *metrics[:1]):
        if sum(size + len(GAP) for *_, size in cells) - len(GAP) <= width:
            break
        cells = [cell for cell in cells if cell[0] != name]
    return cells


def as_log_line(row: Row, total: float | None) -> str:
    """Return a finished epoch as one line that needs no header."""
    keys = ["train/loss", "valid/loss", *metric_keys(row)]
    parts = [f"epoch {_of(row, total)}", str(row.get("stage") or "")]
    parts += [f"{key} {as_number(row[key])}" for key in keys if key in row]
    parts += [f"lr {_small(row.get('lr'))}", f"{as_speed(row.get('images_per_s'))} images/s"]
    parts.append(as_clock(row.get("seconds")))
    return GAP.join(part for part in parts if part)


def _of(row: Row, total: float | None) -> str:
    return f"{row.get('epoch', '?')}/{total:.0f}" if total else str(row.get("epoch", "?"))


def as_number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _small(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def as_speed(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def as_memory(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
