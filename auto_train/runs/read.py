"""What the files of a run folder hold, read when it is asked for; files that are damaged say where."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from auto_train.config.scan import scan_text
from auto_train.config.values import dump, parse_any
from auto_train.errors import DataError, MissingError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MANIFEST = ("path", "split", "label", "sha256")
# Columns of predictions/<split>.csv that are numbers; every other one is text.
NUMBERS = ("width", "height", "brightness", "score", "confidence", "uncalibrated", "loss", "rank")
ROW = ("path", "sha256", "width", "height", "brightness", "score")


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
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"is no JSON: {error}", where=str(path), hint=_repair(name)) from error
        if not isinstance(found, dict):
            raise DataError("is no JSON object", where=str(path), hint=_repair(name))
        return found

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the objects of a file with one per line; a last line that a crash has torn is left out.

        Raises:
            DataError: another line is damaged.
        """
        path = self.path / name
        if not path.is_file():
            return []
        *whole, _ = path.read_bytes().split(b"\n")  # what is behind the last line end was torn by a crash
        return [row for number, line in enumerate(whole, 1) if (row := _row(line, f"{path}:{number}", name))]

    @cached_property
    def status(self) -> str:
        """The word in STATUS, "" where there is none."""
        path = self.path / "STATUS"
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return self.lines("events.jsonl")

    def last_event(self, kind: str) -> dict[str, Any]:
        """Return the last event of a kind, {} where there is none."""
        found = [event for event in self.events if event.get("event") == kind]
        return found[-1] if found else {}

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        return self.lines("metrics.jsonl")

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
    def config(self) -> dict[str, str]:
        """The final values by dotted path, each as an INI writes it; no function of the user's is loaded."""
        path = self.path / "config.ini"
        if not path.is_file():
            return {}
        found = scan_text(path.read_text(encoding="utf-8", errors="replace"), file=path)
        return {f"{entry.section}.{entry.key}": dump(parse_any(entry.text)) for entry in found.entries}

    def manifest(self) -> "pd.DataFrame":
        """Return path, split, label and sha256 of every image, all text; no rows where there is no manifest.

        Raises:
            DataError: it is damaged.
        """
        import pandas as pd

        path = self.path / "manifest.csv"
        if not path.is_file():
            return pd.DataFrame({name: [] for name in MANIFEST}, dtype=object)
        return _table(path, MANIFEST)

    def predictions(self, split: str) -> "pd.DataFrame | None":
        """Return a row for every image of a split (docs/report.md), in its order; None where there are none.

        Raises:
            DataError: the file is damaged.
        """
        import pandas as pd

        path = self.path / "predictions" / f"{split}.csv"
        if not path.is_file():
            return None
        table = _table(path, ROW)
        for name in [name for name in table if name in NUMBERS]:
            try:
                table[name] = pd.to_numeric(table[name])
            except ValueError as error:
                raise DataError(f"column {name}: {error}", where=str(path), hint=_repair("predictions/")) from error
        images = self.evaluation.get("splits", {}).get(split, {}).get("images", len(table))
        if images != len(table):
            message = f"has {len(table):,} rows of {images:,} images"
            raise DataError(message, where=str(path), hint=_repair("predictions/"))
        return table

    def arrays(self, split: str, names: Iterable[str], count: int) -> "dict[str, np.ndarray]":
        """Return the arrays of predictions/<split>.npz, {} where it has none of these names or not all rows.

        Args:
            names: by which the kind of answer is known: of another kind nothing is read.
            count: of rows.

        Raises:
            DataError: the file is damaged.
        """
        import numpy as np

        path = self.path / "predictions" / f"{split}.npz"
        if not path.is_file():
            return {}
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if not set(names) & set(file.files) or len(file["rows"]) != count:
                    return {}
                return {name: file[name] for name in file.files if name != "rows"}
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(f"cannot be read: {error}", where=str(path), hint=_repair("predictions/")) from error


def _table(path: Path, columns: tuple[str, ...]) -> "pd.DataFrame":
    """Return a CSV file, all columns text: an image may be called "1", "NA", or what is no UTF-8."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=object, keep_default_na=False, encoding_errors="surrogateescape")
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path), hint=_repair(path.name)) from error
    if lacking := [name for name in columns if name not in table]:
        hint = _repair(path.name)
        raise DataError(f"has no column {', '.join(lacking)}", where=str(path), allowed=", ".join(columns), hint=hint)
    return table


def _row(line: bytes, where: str, name: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"is no JSON: {error}", where=where, hint=_repair(name)) from error
    if not isinstance(row, dict):
        raise DataError("is no JSON object", where=where, hint=_repair(name))
    return row


def _repair(name: str) -> str:
    return f"correct or remove {name}: a report is made from what is there"


def shown(text: str) -> str:
    """Return a text that any file takes: bytes of a file's name that are no UTF-8 become �."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def in_order(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by split as people list them: train, valid, test, and others after them."""
    return {
        name: splits[name] for name in sorted(splits, key=lambda name: ("train", "valid", "test", name).index(name))
    }
