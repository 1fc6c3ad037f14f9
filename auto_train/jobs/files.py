"""What a job and its run have written, read by others while it runs. Nothing here fails for a missing file."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LOG, TOLD = "log.txt", "progress.json"
# Bytes at the end of metrics.jsonl, in which its last line is, and of a log that is read in one go.
LAST_LINE, PART = 1 << 18, 1 << 20


def told(folder: Path) -> dict[str, Any] | None:
    """Return the progress that a job's training has last told, see training.py."""
    found = _as_object(_end(folder / TOLD, LAST_LINE))
    return found or None


def run_of(progress: Mapping[str, Any] | None) -> Path | None:
    """Return the run folder that was told, if any."""
    run = (progress or {}).get("run")
    return Path(run) if run else None


def status(run: Path | None) -> str:
    """Return the one word in a run's STATUS; "" where there is none."""
    return _end(run / "STATUS", 100).decode(errors="replace").strip() if run else ""


def metrics(run: Path | None) -> dict[str, Any]:
    """Return the metrics in the last whole line of a run's metrics.jsonl, by name."""
    lines = _end(run / "metrics.jsonl", LAST_LINE).splitlines(keepends=True) if run else []
    whole = [line for line in lines if line.endswith(b"\n")]
    return {name: value for name, value in _as_object(whole[-1] if whole else b"").items() if "/" in name}


def next_step(run: Path | None) -> str:
    """Return how to go on with a run; "" where it has nothing to go on with."""
    is_there = run is not None and (run / "config.ini").is_file()
    return f"go on: python main.py train --resume {run} --detach" if is_there else ""


def tail(path: Path, size: int) -> str:
    """Return the end of a text file, from the beginning of a line; what is no UTF-8 is replaced."""
    data = _end(path, size + 1)
    if len(data) > size:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", errors="replace")


def part(path: Path, at: int) -> bytes:
    """Return some bytes of a file from a place on; b"" at its end."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(at)
        return file.read(PART)
    return b""


def _end(path: Path, size: int) -> bytes:
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(file.seek(0, 2) - size, 0))
        return file.read(size)
    return b""


def _as_object(data: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(data)
        return found if isinstance(found, dict) else {}
    return {}
