"""Blood cells as the INIs of configs/ train them: how many, and which, against the simplest answer."""

import csv
import tarfile

from _measure import finish, mirror, train, verdict

COLUMNS = ("rbc", "wbc", "platelets")
MINUTES = 15

archive = mirror() / "bccd" / "bccd.tgz"


def rows(split: str) -> list[dict[str, str]]:
    """Return the table's rows of a split."""
    with tarfile.open(archive) as opened:
        file = opened.extractfile("bccd/derived_counts.csv")
        assert file is not None
        table = list(csv.DictReader(file.read().decode().splitlines()))
    return [row for row in table if row["split"] == split]


def error_of_the_mean(column: str) -> float:
    """Return the mean absolute error on test of answering the mean of train."""
    known = [float(row[column]) for row in rows("train")]
    mean = sum(known) / len(known)
    return sum(abs(float(row[column]) - mean) for row in rows("test")) / len(rows("test"))


counts, _ = train("configs/blood-counts.ini", data=archive.with_suffix(""))
sets, _ = train("configs/blood-multilabel.ini", data=archive.with_suffix(""))
simplest = {column: error_of_the_mean(column) for column in COLUMNS}
by_column = ", ".join(f"{name} {counts['metrics'][f'test/mae_{name}']:.3g} of {simplest[name]:.3g}" for name in COLUMNS)
test = rows("test")
labels = sorted({label for row in test for label in row["labels"].split()})
chance = sum(sum(label in row["labels"].split() for row in test) / len(test) for label in labels) / len(labels)
found = sets["metrics"]["test/map"]
share = counts["metrics"]["test/mae"] / (sum(simplest.values()) / len(simplest))
both = f"{found:.4f}, {chance:.4f}"
finish(
    verdict("blood counts MAE / that of the mean of train", share, 0.5, at_most=True, detail=by_column),
    verdict("blood counts minutes of training", counts["train_seconds"] / 60, MINUTES, at_most=True),
    verdict("blood labels map - that of one answer to all", found - chance, 0.03, detail=both),
    verdict("blood labels minutes of training", sets["train_seconds"] / 60, MINUTES, at_most=True),
)
