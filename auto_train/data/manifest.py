"""``manifest.csv`` of a run: which image was in which split, and the hash that says what a metric was measured on."""

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.samples import Samples
from auto_train.errors import DataError
from auto_train.files import replacing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("path", "split", "label", "sha256")


def write_manifest(samples: Samples, path: Path) -> None:
    """Write path, split, label and sha256 of every row as CSV, in place at once.

    Args:
        samples: with splits assigned.
        path: file to write, usually ``manifest.csv`` in the run folder.
    """
    rows = samples.hashed().table[list(COLUMNS)].itertuples(index=False)
    # File names need not be UTF-8; surrogateescape brings their bytes back unchanged.
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_manifest(path: Path) -> "pd.DataFrame":
    """Return the table that :func:`write_manifest` wrote, all columns text.

    Raises:
        DataError: missing, or no manifest.
    """
    import pandas as pd

    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot be read as a manifest: {error}", where=str(path)) from error
    if tuple(head[:4]) != COLUMNS or any(len(row) != len(head) for row in rows):
        raise DataError(
            f"is no manifest: its columns are {', '.join(head)}", where=str(path), allowed=", ".join(COLUMNS)
        )
    return pd.DataFrame(rows, columns=head, dtype=object)


def evaluation_hash(samples: Samples) -> str:
    """Return a sha256 of the valid and test rows: equal where two models were measured on the same images and labels.

    The order of rows and the place of the files do not count.
    """
    table = samples.hashed().table
    rows = table[table["split"].isin(["valid", "test"])][["split", "label", "sha256"]]
    lines = sorted("\t".join(row) for row in rows.itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()
