"""The runs of a project as their files tell it: cheap enough for lists of thousands and for asking every second.

Anything in a run folder may be missing, half written or damaged; what cannot be read is left out, never an error.
"""

import configparser
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from auto_train.errors import MissingError
from auto_train.runs.lock import is_held

Row = dict[str, Any]

STATUSES = ("running", "done", "interrupted", "failed")
# Of the metrics known to INTERFACES, those that get better as they fall.
FALLING = ("loss", "mae", "rmse", "ece")
LOG_BYTES = 4000  # of the end of log.txt


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What metrics.jsonl holds.

    Attributes:
        epochs: a row per epoch, in order; keys as in training/runs/epoch_log.py.
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
    rows, log, status = _stamp(path / "metrics.jsonl"), _stamp(path / "log.txt"), _status(path)
    config = _config(path / "config.ini", _stamp(path / "config.ini"))
    return Run(
        path=path,
        name=path.name,
        status=status,
        started=started_at(path),
        backbone=config.get("architecture.backbone.model", ""),
        image_size=config.get("architecture.image_size", ""),
        total_epochs=_planned(config),
        metrics=_metrics(path / "metrics.jsonl", rows),
        version=f"{status}-{rows[1]}-{log[1]}",
    )


def read_events(path: Path) -> dict[str, Row]:
    """Return the last event of each kind in events.jsonl, by kind."""
    rows, _ = _json_lines(path / "events.jsonl")
    return {str(row["event"]): row for row in rows if "event" in row}


def read_log(path: Path) -> str:
    """Return the last lines of log.txt."""
    try:
        with (path / "log.txt").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            text = file.read(LOG_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if size <= LOG_BYTES else text.partition("\n")[2]


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def number(value: object) -> float | None:
    """Return a finite number, None for everything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def started_at(path: Path) -> datetime:
    """Return when a run began: its name says it, or else the age of its folder."""
    return time_in(path.name) or datetime.fromtimestamp(_stamp(path)[0] / 1e9, UTC)


def time_in(name: str) -> datetime | None:
    """Return the time that the name of a run begins with, None where it does not."""
    try:
        return datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _status(path: Path) -> str:
    try:
        text = (path / "STATUS").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unknown"
    if text == "running":
        return "running" if is_held(path) else "killed"
    return text if text in STATUSES else "unknown"


def _stamp(path: Path) -> tuple[int, int]:
    """Return time of change in nanoseconds and size, zeros for what is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=256)
def _metrics(path: Path, stamp: tuple[int, int]) -> Metrics:
    rows, damaged = _json_lines(path)
    epochs = tuple(row for row in rows if number(row.get("epoch")) is not None)
    final = next((row for row in reversed(rows) if row.get("final")), {})
    shown = {key: value for key, value in final.items() if "/" in key and number(value) is not None}
    return Metrics(epochs=epochs, final=shown, damaged=damaged)


def _json_lines(path: Path) -> tuple[list[Row], int]:
    """Return the objects of a file, one a line, and how many lines are none; the last may not have its end yet."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [], 0
    rows, damaged = [], 0
    for line in text.split("\n")[:-1]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            damaged += 1
    return rows, damaged


@lru_cache(maxsize=256)
def _config(path: Path, stamp: tuple[int, int]) -> Mapping[str, str]:
    """Return a resolved config's values by dotted key, as text. Checking is the business of auto_train/config."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return {}
    return {f"{name}.{key}": value.strip('"') for name in parser.sections() for key, value in parser.items(name)}


def _planned(config: Mapping[str, str]) -> int | None:
    """Return the epochs of all stages; None where a time budget plans them, or the config does not say."""
    if config.get("training.minutes", "none") != "none":
        return None
    frozen = config.get("training.scheme.freeze_epochs", "0")
    if frozen == "none":
        backbone = "architecture.backbone."
        is_pretrained = (
            config.get(f"{backbone}pretrained") == "true" or config.get(f"{backbone}weights", "none") != "none"
        )
        frozen = str(int(is_pretrained))
    try:
        return int(config["training.scheme.epochs"]) + int(frozen)
    except (KeyError, ValueError):
        return None
