"""The tables of a run folder: manifest.csv and predictions/<split>.csv and .npz; what is damaged says where."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from auto_train.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MANIFEST = ("path", "split", "label", "sha256")
# Columns of predictions/<split>.csv that are numbers; every other one is text.
NUMBERS = ("width", "height", "brightness", "score", "confidence", "uncalibrated", "loss", "rank")
ROW = ("path", "sha256", "width", "height", "brightness", "score")


def read_manifest(path: Path) -> "pd.DataFrame":
    """Return the table that data/manifest.py wrote, all columns text.

    Raises:
        DataError: missing, or no manifest.
    """
    import pandas as pd

    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot be read as a manifest: {error}", where=str(path)) from error
    if tuple(head[:4]) != MANIFEST or any(len(row) != len(head) for row in rows):
        raise DataError(
            f"is no manifest: its columns are {', '.join(head)}", where=str(path), allowed=", ".join(MANIFEST)
        )
    return pd.DataFrame(rows, columns=head, dtype=object)


def read_predictions(path: Path, images: int | None) -> "pd.DataFrame":
    """Return a row for every image of a split (docs/report.md), in its order.

    Args:
        images: how many there are; None: not known.

    Raises:
        DataError: the file is damaged.
    """
    import pandas as pd

    table = _table(path, ROW)
    for name in [name for name in table if name in NUMBERS]:
        try:
            table[name] = pd.to_numeric(table[name])
        except ValueError as error:
            raise DataError(f"column {name}: {error}", where=str(path), hint=_repair("predictions/")) from error
    if images not in (None, len(table)):
        message = f"has {len(table):,} rows of {images:,} images"
        raise DataError(message, where=str(path), hint=_repair("predictions/"))
    return table


def read_arrays(path: Path, names: Iterable[str], count: int) -> "dict[str, np.ndarray]":
    """Return the arrays of a file, {} where it has none of these names or not all rows.

    Args:
        names: by which the kind of answer is known: of another kind nothing is read.
        count: of rows.

    Raises:
        DataError: the file is damaged.
    """
    import numpy as np

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


def _repair(name: str) -> str:
    return f"correct or remove {name}: a report is made from what is there"
