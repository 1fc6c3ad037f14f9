"""Nuclei in microscope images: which pixels are one, as configs/nuclei.ini learns it, and how many there are."""

import csv
import tarfile

from _measure import finish, mirror, train, verdict

MINUTES = 15

archive = mirror() / "nuclei_256" / "nuclei_256.tgz"


def error_of_the_mean() -> float:
    """Return the mean absolute error on valid of answering the mean of train."""
    with tarfile.open(archive) as opened:
        file = opened.extractfile("nuclei_256/derived_counts.csv")
        assert file is not None
        rows = list(csv.DictReader(file.read().decode().splitlines()))
    train, valid = ([float(row["nuclei"]) for row in rows if row["split"] == split] for split in ("train", "valid"))
    mean = sum(train) / len(train)
    return sum(abs(count - mean) for count in valid) / len(valid)


masks, wall_s = train("configs/nuclei.ini", data=archive.with_suffix(""))
counts, _ = train("configs/nuclei-counts.ini", data=archive.with_suffix(""))
found = ", ".join(f"{name} {masks['metrics'][f'valid/{name}']:.4f}" for name in ("miou", "pixel_accuracy"))
error, simplest = counts["metrics"]["valid/mae"], error_of_the_mean()
of = f"{error:.3g} of {simplest:.3g} nuclei"
finish(
    verdict("nuclei valid dice", masks["metrics"]["valid/dice"], 0.90, detail=found),
    verdict("nuclei minutes of training", masks["train_seconds"] / 60, MINUTES, at_most=True, detail=f"{wall_s:.0f} s"),
    verdict("nuclei counts MAE / that of the mean of train", error / simplest, 0.5, at_most=True, detail=of),
    verdict("nuclei counts minutes of training", counts["train_seconds"] / 60, MINUTES, at_most=True),
)
