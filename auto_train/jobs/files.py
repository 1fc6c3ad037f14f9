"""What a job has written, read by others while it runs. Nothing here fails for a missing file."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from auto_train.runs.read import CONFIG, read_json

LOG, TOLD = "log.txt", "progress.json"
PART = 1 << 20  # bytes of a log that are read in one go


def read_progress(folder: Path) -> dict[str, Any] | None:
    """Return the progress that a job's training has last told, see training.py."""
    return read_json(folder / TOLD) or None


def run_of(progress: Mapping[str, Any] | None) -> Path | None:
    """Return the run folder that was told, if any."""
    run = (progress or {}).get("run")
    return Path(run) if run else None


def describe_next_step(run: Path | None) -> str:
    """Return how to go on with a run; "" where it has nothing to go on with."""
    is_there = run is not None and (run / CONFIG).is_file()
    return f"go on: python main.py train --resume {run} --detach" if is_there else ""


def part(path: Path, at: int) -> bytes:
    """Return some bytes of a file from a place on; b"" at its end."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(at)
        return file.read(PART)
    return b""
