"""The runs of a project as their files tell it: cheap enough for lists of thousands and for asking every second.

Anything in a run folder may be missing, half written or damaged; what cannot be read is left out, never an error.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from auto_train.config.frozen_epochs import count_frozen_epochs
from auto_train.errors import MissingError
from auto_train.runs.lock import is_held
from auto_train.runs.read import LOG, METRICS, Row, read_config, read_lines, read_status, stamp_of

STATUSES = ("running", "done", "interrupted", "failed")
# Of the metrics known to INTERFACES, those that get better as they fall.
FALLING = ("loss", "mae", "rmse", "ece")


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What metrics.jsonl holds.

    Attributes:
        epochs: a row per epoch, in order; keys as in training/epoch_log.py.
        final: metrics of the finished model; empty before the end.
        damaged: lines that could not be read.
    """

    epochs: tuple[Row, ...] = ()
    final: Row
    damaged: int = 0

    @property
    def judged_by(self) -> str:
        """The first metric of the validation pass, else a loss; "" where there is neither."""
        keys = [key for row in self.epochs[-1:] for key in row]
        good = [key for key in keys if key.startswith(("valid/", "ema_valid/")) and not key.endswith("/loss")]
        return next((key for key in [*good, "valid/loss", "train/loss"] if key in keys), "")

    @property
    def best(self) -> float | None:
        """The best epoch's value of :attr:`judged_by`."""
        values = [value for row in self.epochs if (value := number(row.get(self.judged_by))) is not None]
        falls = self.judged_by.rpartition("/")[2] in FALLING
        return (min if falls else max)(values, default=None)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as a list shows it.

    Attributes:
        name: of its folder.
        status: as in STATUS; ``killed``: it says running and no process holds the run; ``unknown``: it says nothing.
        started: UTC.
        backbone: name of the timm model, "" where not known.
        image_size: pixels, as written in the config.
        total_epochs: how many were planned; None: not known beforehand.
        version: a short text that is another one when something of the run has changed.
    """

    path: Path
    name: str
    status: str
    started: datetime
    backbone: str
    image_size: str
    total_epochs: int | None
    metrics: Metrics
    version: str

    @property
    def epochs(self) -> int:
        """Epochs that are done."""
        return len(self.metrics.epochs)

    @property
    def is_running(self) -> bool:
        return self.status == "running"


def run_names(location: Path) -> list[str]:
    """Return the names of a project's runs, the newest first: names begin with the time."""
    try:
        with os.scandir(location / "runs") as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted((name for name in names if not name.startswith(".")), reverse=True)


def find_run_folder(location: Path, name: str) -> Path:
    """Return the folder of a run, whose name may come from anywhere.

    Raises:
        MissingError: no run has this name.
    """
    path = location / "runs" / name
    is_name = re.fullmatch(r"[^/\\\0]{1,255}", name) and not name.startswith(".")
    if not is_name or not os.path.isdir(path):  # noqa: PTH112 - Path's own raises for a name the system refuses
        raise MissingError(f"there is no run '{name[:80]}'", hint="it may have been moved or deleted")
    return path


def read_run(path: Path) -> Run:
    """Return what a run's files say."""
    # Before anything is read: what changes meanwhile is news for the next one who asks.
    rows, log, status = stamp_of(path / METRICS), stamp_of(path / LOG), _status(path)
    config = read_config(path)
    return Run(
        path=path,
        name=path.name,
        status=status,
        started=read_start_time(path),
        backbone=config.get("architecture.backbone.model", ""),
        image_size=config.get("architecture.image_size", ""),
        total_epochs=_count_planned(config),
        metrics=_metrics(path / METRICS, rows),
        version=f"{status}-{rows[1]}-{log[1]}",
    )


def number(value: object) -> float | None:
    """Return a finite number, None for everything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def read_start_time(path: Path) -> datetime:
    """Return when a run began: its name says it, or else the age of its folder."""
    return time_in(path.name) or datetime.fromtimestamp(stamp_of(path)[0] / 1e9, UTC)


def time_in(name: str) -> datetime | None:
    """Return the time that the name of a run begins with, None where it does not."""
    try:
        return datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _status(path: Path) -> str:
    text = read_status(path)
    if text == "running":
        return "running" if is_held(path) else "killed"
    return text if text in STATUSES else "unknown"


@lru_cache(maxsize=256)
def _metrics(path: Path, stamp: tuple[int, int]) -> Metrics:
    rows, damaged = read_lines(path)
    epochs = tuple(row for row in rows if number(row.get("epoch")) is not None)
    final = next((row for row in reversed(rows) if row.get("final")), {})
    shown = {key: value for key, value in final.items() if "/" in key and number(value) is not None}
    return Metrics(epochs=epochs, final=shown, damaged=damaged)


def _count_planned(config: Mapping[str, str]) -> int | None:
    """Return the epochs of all stages; None where a time budget plans them, or the config does not say."""
    if config.get("training.minutes", "none") != "none":
        return None
    backbone, frozen = "architecture.backbone.", config.get("training.scheme.freeze_epochs", "0")
    is_pretrained = config.get(f"{backbone}pretrained") == "true" or config.get(f"{backbone}weights", "none") != "none"
    try:
        freeze_epochs = None if frozen == "none" else int(frozen)
        return int(config["training.scheme.epochs"]) + count_frozen_epochs(freeze_epochs, is_pretrained=is_pretrained)
    except (KeyError, ValueError):
        return None
