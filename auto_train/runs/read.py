"""What the files of a run folder hold: the one place that knows, for lists, jobs, pages, reports and resume.

The functions are cheap enough to be asked every second and take whatever is there: a file may be missing, half written
or damaged, and what cannot be read is left out. :class:`RunFiles` is for those who need all: it says what is damaged.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.config.scan import scan_text
from auto_train.config.values import dump, parse_any
from auto_train.errors import DataError, MissingError
from auto_train.runs.tables import MANIFEST, read_arrays, read_manifest, read_predictions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Row = dict[str, Any]

STATUS, METRICS, EVENTS, LOG, CONFIG = "STATUS", "metrics.jsonl", "events.jsonl", "log.txt", "config.ini"
# Bytes: of the word in STATUS, at the end of metrics.jsonl in which its last line is, and of the end of log.txt.
STATUS_BYTES, LAST_LINE_BYTES, LOG_BYTES = 100, 1 << 18, 4000


def read_status(run: Path) -> str:
    """Return the one word in a run's STATUS: running, done, interrupted, failed; "" where there is none."""
    return read_end(run / STATUS, STATUS_BYTES).decode(errors="replace").strip()


def read_json(path: Path) -> Row:
    """Return the object in a JSON file, an empty one where there is none."""
    try:
        return as_object(path.read_bytes())
    except OSError:
        return {}


def read_lines(path: Path) -> tuple[list[Row], int]:
    """Return the objects of a file, one a line, and how many lines are none; the last may not have its end yet."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return [], 0
    rows = [row for line in lines if (row := as_object(line))]
    return rows, sum(bool(line.strip()) for line in lines) - len(rows)


def read_last_metrics(run: Path) -> Row:
    """Return the metrics in the last whole line of metrics.jsonl, by name; reads no other line."""
    *whole, _ = read_end(run / METRICS, LAST_LINE_BYTES).split(b"\n")
    return {name: value for name, value in as_object(whole[-1] if whole else b"").items() if "/" in name}


def read_events(run: Path) -> dict[str, Row]:
    """Return the last event of each kind in events.jsonl, by kind."""
    rows, _ = read_lines(run / EVENTS)
    return {str(row["event"]): row for row in rows if "event" in row}


def read_log(run: Path) -> str:
    """Return the last lines of log.txt."""
    return read_tail(run / LOG, LOG_BYTES)


def read_tail(path: Path, size: int) -> str:
    """Return the end of a text file, from the beginning of a line; what is no UTF-8 is replaced."""
    data = read_end(path, size + 1)
    if len(data) > size:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", errors="replace")


def read_end(path: Path, size: int) -> bytes:
    """Return the last bytes of a file; b"" where there is none."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
        return file.read(size)
    return b""


def as_object(text: bytes) -> Row:
    """Return a JSON object, an empty one where the text is none."""
    try:
        found = json.loads(text.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def stamp_of(path: Path) -> tuple[int, int]:
    """Return time of change in nanoseconds and size, zeros for what is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def read_config(run: Path) -> Mapping[str, str]:
    """Return the final values by dotted path, each as an INI writes it; no function of the user's is loaded."""
    return _config(run / CONFIG, stamp_of(run / CONFIG))


@lru_cache(maxsize=256)
def _config(path: Path, stamp: tuple[int, int]) -> Mapping[str, str]:
    try:
        found = scan_text(path.read_text(encoding="utf-8", errors="replace"), file=path)
        return {f"{entry.section}.{entry.key}": dump(parse_any(entry.text)) for entry in found.entries}
    except (OSError, RecursionError):
        return {}


class RunFiles:
    """The files of one run.

    Args:
        path: the run folder.

    Raises:
        MissingError: there is none.
    """

    def __init__(self, path: Path):
        self.path = path.resolve()
        if not self.path.is_dir():
            raise MissingError("there is no such run", where=str(path), hint="name a folder below <location>/runs/")

    def json(self, name: str) -> dict[str, Any]:
        """Return what a JSON file of the run holds, {} where there is none.

        Raises:
            DataError: it is damaged.
        """
        path = self.path / name
        return _strict(path.read_bytes(), str(path), name) if path.is_file() else {}

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the objects of a file with one per line; a last line that a crash has torn is left out.

        Raises:
            DataError: another line is damaged.
        """
        path = self.path / name
        if not path.is_file():
            return []
        *whole, _ = path.read_bytes().split(b"\n")  # what is behind the last line end was torn by a crash
        return [_strict(line, f"{path}:{number}", name) for number, line in enumerate(whole, 1)]

    @cached_property
    def status(self) -> str:
        return read_status(self.path)

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return self.lines(EVENTS)

    def last_event(self, kind: str) -> dict[str, Any]:
        """Return the last event of a kind, {} where there is none."""
        found = [event for event in self.events if event.get("event") == kind]
        return found[-1] if found else {}

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        return self.lines(METRICS)

    @property
    def epochs(self) -> list[dict[str, Any]]:
        return [row for row in self.metrics if "epoch" in row]

    @property
    def final(self) -> dict[str, Any]:
        """The line of the finished model, {} before there is one."""
        return next((row for row in self.metrics if row.get("final")), {})

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        return self.json("evaluation.json")

    @property
    def measured(self) -> list[str]:
        """The splits that have a row for every image."""
        return [split for split, part in self.evaluation.get("splits", {}).items() if part["has_rows"]]

    @property
    def lacking(self) -> list[str]:
        """The files of a measured model that are gone; earlier versions have written none of them."""
        if self.final and not self.evaluation:
            return ["evaluation.json"]
        names = [f"predictions/{split}.csv" for split in self.measured]
        return [name for name in names if not (self.path / name).is_file()]

    @cached_property
    def config(self) -> Mapping[str, str]:
        """See :func:`read_config`."""
        return read_config(self.path)

    def manifest(self) -> "pd.DataFrame":
        """Return path, split, label and sha256 of every image, all text; no rows where there is no manifest.

        Raises:
            DataError: it is damaged.
        """
        import pandas as pd

        path = self.path / "manifest.csv"
        return read_manifest(path) if path.is_file() else pd.DataFrame({name: [] for name in MANIFEST}, dtype=object)

    def predictions(self, split: str) -> "pd.DataFrame | None":
        """Return a row for every image of a split (docs/report.md), in its order; None where there are none.

        Raises:
            DataError: the file is damaged.
        """
        path = self.path / "predictions" / f"{split}.csv"
        images = self.evaluation.get("splits", {}).get(split, {}).get("images")
        return read_predictions(path, images) if path.is_file() else None

    def arrays(self, split: str, names: Iterable[str], count: int) -> "dict[str, np.ndarray]":
        """Return the arrays of predictions/<split>.npz, {} where it has none of these names or not all rows.

        Args:
            names: by which the kind of answer is known: of another kind nothing is read.
            count: of rows.

        Raises:
            DataError: the file is damaged.
        """
        path = self.path / "predictions" / f"{split}.npz"
        return read_arrays(path, names, count) if path.is_file() else {}


def _strict(text: bytes, where: str, name: str) -> Row:
    hint = f"correct or remove {name}: a report is made from what is there"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}", where=where, hint=hint) from error
    if not isinstance(found, dict):
        raise DataError("is no JSON object", where=where, hint=hint)
    return found


def replace_undecodable(text: str) -> str:
    """Return a text that any file takes: bytes of a file's name that are no UTF-8 become �."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def in_order(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by split as people list them: train, valid, test, and others after them."""
    return {
        name: splits[name] for name in sorted(splits, key=lambda name: ("train", "valid", "test", name).index(name))
    }
