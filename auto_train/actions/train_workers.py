"""A training in several processes of this machine, as the one of a single process looks from outside."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auto_train.config import Config
from auto_train.runs.folder import TrainResult
from auto_train.training.workers.launch import launch
from auto_train.types import Listener


def train_launched(
    config: Config | Path | str | None,
    overrides: Sequence[str],
    *,
    workers: int,
    progress: Listener | None,
    **how: Any,
) -> TrainResult:
    """Train in processes of their own; a config already loaded reaches them as a file.

    Args:
        config, overrides, progress, how: as ``auto_train.actions.train`` takes them.
        workers: how many.
    """
    with TemporaryDirectory(prefix="auto-train-") as folder:
        file = config
        if isinstance(config, Config):
            file = Path(folder) / "config.ini"
            file.write_text(config.to_ini(), encoding="utf-8")
        arguments = {"config": file, "overrides": list(overrides), **how}
        found = launch("auto_train.actions:train", arguments, workers=workers, listener=progress)
    paths = {name: Path(found[name]) for name in ("run", "bundle", "weights")}
    report = found["report"] and Path(found["report"])
    return TrainResult(**{**found, **paths, "report": report, "warnings": tuple(found["warnings"])})
