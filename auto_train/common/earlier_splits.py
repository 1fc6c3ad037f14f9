"""Splits that earlier runs of the same project have drawn: images that were seen then keep them (docs/adr/0006)."""

from collections.abc import Collection
from pathlib import Path

from loguru import logger

from auto_train.data.split import DRAWN
from auto_train.errors import DataError
from auto_train.runs.read import read_config
from auto_train.runs.tables import read_manifest

# Runs that are read, the newest first; usually the first one knows all images.
MAX_RUNS = 20
# Decimal places to which shares are compared: 1 - 0.8 is not 0.2 to the last bit.
_DIGITS = 9


def find_earlier_splits(folder: Path, fraction: float, sums: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return the splits that the newest runs with the same ``valid_fraction`` have drawn, and the names of these runs.

    Args:
        folder: of the project's runs.
        fraction: share of the training images that is held out.
        sums: sha256 of the images that are asked for.
    """
    wanted, known, names = set(sums), dict[str, str](), list[str]()
    for run in _runs(folder)[:MAX_RUNS]:
        if wanted <= known.keys():
            break
        if _fraction_of(run) != round(fraction, _DIGITS):
            continue
        found = read_splits(run / "manifest.csv")
        new = {sha256: split for sha256, split in found.items() if sha256 in wanted and sha256 not in known}
        known |= new
        names += [run.name] if new else []
    return known, names


def _runs(folder: Path) -> list[Path]:
    """Return the run folders with a manifest, the newest first: their names begin with the time."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if not path.is_symlink() and (path / "manifest.csv").is_file()]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _fraction_of(run: Path) -> float | None:
    """Return what a run has held out; None where its config does not say, or has limited the run to a few images."""
    config = read_config(run)
    if config.get("training.limit_batches", "none") != "none":
        return None
    try:
        ratio = config.get("training.train_ratio", "none")
        fraction = 1 - float(ratio) if ratio != "none" else float(config["project.data.valid_fraction"])
        return round(fraction, _DIGITS)
    except (KeyError, ValueError):
        return None


def read_splits(file: Path) -> dict[str, str]:
    """Return the split of each content; not of contents in several."""
    try:
        table = read_manifest(file)
    except DataError as error:
        logger.warning(f"the splits of this run are not kept: {error}")
        return {}
    found: dict[str, set[str]] = {}
    for split, sha256 in zip(table["split"], table["sha256"], strict=True):
        found.setdefault(sha256, set()).add(split)
    return {sha256: next(iter(splits)) for sha256, splits in found.items() if len(splits) == 1 and splits <= {*DRAWN}}
