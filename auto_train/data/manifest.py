"""``manifest.csv`` of a run: which image was in which split, and the hash that says what a metric was measured on."""

import csv
import hashlib
from pathlib import Path

from auto_train.data.samples import Samples
from auto_train.files import write_file
from auto_train.runs.tables import MANIFEST


def write_manifest(samples: Samples, path: Path) -> None:
    """Write path, split, label and sha256 of every row as CSV, in place at once.

    Args:
        samples: with splits assigned.
        path: file to write, usually ``manifest.csv`` in the run folder.
    """
    rows = samples.fill_hashes().table[list(MANIFEST)].itertuples(index=False)
    # File names need not be UTF-8; surrogateescape brings their bytes back unchanged.
    with write_file(path) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MANIFEST)
        writer.writerows(rows)


def evaluation_hash(samples: Samples) -> str:
    """Return a sha256 of the valid and test rows: equal where two models were measured on the same images and labels.

    The order of rows and the place of the files do not count.
    """
    table = samples.fill_hashes().table
    rows = table[table["split"].isin(["valid", "test"])][["split", "label", "sha256"]]
    lines = sorted("\t".join(row) for row in rows.itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()
