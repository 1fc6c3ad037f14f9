"""How long a training will take and how much room, from its dry run."""

import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train.common.loaders import compute_stored_side
from auto_train.common.read_data import valid_fraction_of
from auto_train.config import Config
from auto_train.config.frozen_epochs import count_frozen_epochs
from auto_train.cores import num_cores
from auto_train.data.pixels.build import compute_size
from auto_train.data.targets import Masks
from auto_train.dry_run.trial import StageCost, Trial
from auto_train.runs.read import RunFiles
from auto_train.training.lr_finder import STEPS
from auto_train.types import to_absolute

# Images that are decoded to see how long it takes.
DECODED = 8
# The data is read whole before the first epoch: checked, and made into a pixel store.
READINGS = 2


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the whole training will need, about.

    Attributes:
        images: by split.
        epochs: of all stages; None where a time budget decides.
        epoch_s: seconds of an epoch with all layers training, its evaluation included.
        prepare_s: seconds before the first, the first time: images are checked and stored.
        total_s: seconds from start to end.
        run_mb: of the run folder and the weights.
        free_mb: where the run folder will be.
        store_mb: of the pixel stores in the cache, at most.
    """

    images: dict[str, int]
    epochs: int | None
    epoch_s: float
    prepare_s: float
    total_s: float
    run_mb: float
    free_mb: float
    store_mb: float


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a dry run has found: every stage works.

    Attributes:
        stages: what each took.
        answer: of the served model for one image; None: its task is not served.
        estimate: of the whole training.
        warnings: what the user should know.
    """

    stages: tuple[StageCost, ...]
    answer: Any
    estimate: Estimate
    warnings: tuple[str, ...]


def estimate(trial: Trial, run: Path) -> Estimate:
    """Return what the training would need that this dry run was of.

    Args:
        run: the folder of its run.
    """
    config, images = trial.asked, _images(trial)
    seconds = _epoch_seconds(trial, run, images)
    scheme, minutes = config.training.scheme, config.training.minutes
    frozen = count_frozen_epochs(scheme.freeze_epochs, is_pretrained=True) if "frozen" in seconds else 0
    epoch_s = next((seconds[name] for name in seconds if name != "frozen"), seconds.get("frozen", 0.0))
    prepare_s = _decode_seconds(trial) * sum(images.values()) * READINGS / num_cores()
    search_s = 0.0 if scheme.learning_rate else STEPS * scheme.batch_size * epoch_s / max(images["train"], 1)
    ending_s = sum(cost.seconds for cost in trial.costs if cost.name in ("prepare", "evaluate", "export"))
    total_s = prepare_s + search_s + frozen * seconds.get("frozen", 0.0) + scheme.epochs * epoch_s + ending_s
    return Estimate(
        images=images,
        epochs=None if minutes else frozen + scheme.epochs,
        epoch_s=epoch_s,
        prepare_s=prepare_s,
        total_s=60 * minutes if minutes else total_s,
        run_mb=sum(file.stat().st_size for file in trial.folder.rglob("*") if file.is_file()) / 1e6,
        free_mb=_free_bytes(to_absolute(config.project.location)) / 1e6,
        store_mb=_store_bytes(config, images, has_masks=isinstance(trial.samples.targets, Masks)) / 1e6,
    )


def _images(trial: Trial) -> dict[str, int]:
    """Return the images of each split, once what the data does not divide is divided."""
    rows = dict(Counter(trial.all_samples.table["split"]))
    trained = rows.pop("", 0) + rows.pop("train", 0)
    held_out = 0 if "valid" in rows else round(trained * valid_fraction_of(trial.asked))
    return {"train": trained - held_out, **({"valid": held_out} if held_out else {}), **rows}


def _epoch_seconds(trial: Trial, run: Path, images: dict[str, int]) -> dict[str, float]:
    """Return the seconds of a whole epoch by stage, from the last short one of each, in which all is warm."""
    counts = trial.samples.table["split"].value_counts().to_dict()
    seconds = {}
    for row in RunFiles(run).epochs:
        train_s = 1 / max(row["images_per_s"], 1e-9)
        batch = min(trial.config.training.scheme.batch_size, counts["train"])
        trained = counts["train"] // batch * batch
        evaluate_s = max(row["seconds"] - trained * train_s, 0.0) / max(counts.get("valid", 0), 1)
        seconds[str(row["stage"])] = images["train"] * train_s + images.get("valid", 0) * evaluate_s
    return seconds


def _decode_seconds(trial: Trial) -> float:
    """Return the seconds to read and decode an image, and its mask where it has one."""
    rows, targets = range(min(DECODED, len(trial.samples))), trial.samples.targets
    began = time.perf_counter()
    for row in rows:
        trial.samples.images[row]
        if isinstance(targets, Masks):
            targets.sources[row].read()
    return (time.perf_counter() - began) / len(rows)


def _store_bytes(config: Config, images: dict[str, int], *, has_masks: bool) -> int:
    """Return the size of the pixel stores; a mask has one value where an image has three."""
    side = config.architecture.image_size
    train_side = compute_stored_side(config)
    pixels = sum(compute_size(count, train_side if split == "train" else side) for split, count in images.items())
    return pixels * 4 // 3 if has_masks else pixels


def _free_bytes(folder: Path) -> int:
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110 - any text passes
    return shutil.disk_usage(there).free
