"""What the benchmark scripts share: commands timed side by side, trainings as a user starts them, one line per bar."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Set to anything to see that a script works: few steps, small data, and no bar is judged.
TRIAL = bool(os.environ.get("AUTO_TRAIN_BENCH_TRIAL"))

# fastai calls torch.jit.script while it is imported; torch 2.15 warns about that.
warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)


def mirror() -> Path:
    """Return the folder of the real data sets, or end the script with the reason why it cannot run."""
    path = Path(os.environ.get("AUTO_TRAIN_MIRROR") or ROOT.parent / "shared" / "data").absolute()
    if not path.is_dir():
        print(f"{Path(sys.argv[0]).stem}: not measured, no data at {path}; name a folder in AUTO_TRAIN_MIRROR")
        sys.exit(0)
    return path


def seconds(command: Sequence[str]) -> float:
    """Return the wall time of one process, which must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def ratio(command: Sequence[str], base: Sequence[str], *, pairs: int) -> tuple[float, float, float]:
    """Time two commands in turns and return the quartiles of their ratios: first, median, third."""
    seconds(command), seconds(base)  # the first run of each fills the file cache
    ratios = [seconds(command) / seconds(base) for _ in range(pairs)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return low, middle, high


def train(
    config: str, *overrides: str, data: Path | None = None, below: str = "", needs_mirror: bool = True
) -> tuple[dict[str, Any], float]:
    """Train by the command line in a folder of its own.

    Args:
        data: the data folder's name is taken from it.
        below: folder in it that the INI is pointed at.
        needs_mirror: end the script where the real data sets are not to be had.

    Returns:
        The JSON object the verb printed, with ``rows``, the lines of metrics.jsonl; and the wall time of the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "main.py", "train", f"--config={config}", "--json", *overrides]
        place = Path(folder) / (data.name if data else "data") / below
        command += [f"project.location={folder}/project", f"training.dir={place}"]
        env = os.environ | {"AUTO_TRAIN_CACHE": f"{folder}/cache"}
        if needs_mirror:
            env["AUTO_TRAIN_MIRROR"] = str(mirror())
        start = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
        wall_s = time.perf_counter() - start
        result = next(row for row in map(json.loads, done.stdout.splitlines()) if row["type"] == "run")
        lines = (Path(result["run"]) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return result | {"rows": [json.loads(line) for line in lines]}, wall_s


def verdict(
    name: str, found: float, bar: float, *, at_most: bool = False, detail: str = "", is_trial: bool = TRIAL
) -> bool:
    """Print one line for a bar and return whether it is met; a trial judges nothing."""
    is_met = is_trial or (found <= bar if at_most else found >= bar)
    sign = "<=" if at_most else ">="
    word = "trial " if is_trial else "met   " if is_met else "MISSED"
    print(f"{word}  {name}: {found:.4g} (bar {sign} {bar:g}) {detail}".rstrip(), flush=True)
    return is_met


def finish(*met: bool) -> None:
    """End the script: 0 when every bar was met."""
    sys.exit(0 if all(met) else 1)
