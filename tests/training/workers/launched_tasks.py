"""What tests let launched workers do: small stand-ins for a training, with the calls that a training makes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train.errors import ConfigError, Interrupted, TrainingError, WorkerLostError
from auto_train.types import Listener, Progress


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a worker returns."""

    rank: int
    value: Any = None


def rank() -> int:
    return int(os.environ["RANK"])


def answer(value: Any, progress: Listener | None) -> Found:
    """Say on every channel who this is."""
    from loguru import logger

    print(f"stdout of {rank()}", flush=True)
    print(f"stderr of {rank()}", file=sys.stderr, flush=True)
    logger.warning(f"warning of {rank()}")
    if progress:
        progress(Progress(stage="train", done=1, total=2, row={"loss": 0.5}))
    names = ("WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return Found(rank=rank(), value=[value, sys.argv, [os.environ[name] for name in names], sys.stdin.read()])


def early(progress: Listener | None) -> Found:
    """Let the first worker go on alone."""
    time.sleep(0 if rank() else 1)
    return Found(rank=rank())


def fail(how: str, run: str, progress: Listener | None) -> Found:
    """Fail in worker 2 of 2; the first one waits, or ends because of the other's end."""
    if rank() == 0:
        if progress and run:
            progress(Progress(stage="train", run=Path(run)))
        if how == "noticed":
            raise WorkerLostError("another worker ended")
        time.sleep(60)
    if how == "noticed":
        time.sleep(0.5)  # the first one is quicker to report the end than its reason
        raise TrainingError("the loss became nan", hint="lower the rate")
    if how == "config":
        raise ConfigError(["a.ini:1: first", "a.ini:2: second"])
    if how == "bug":
        raise KeyError("a bug")
    if how == "disk":
        raise OSError(28, "No space left on device", "a.txt")
    if how == "exit":
        print("the library said this", file=sys.stderr, flush=True)
        os._exit(3)
    os.kill(os.getpid(), signal.Signals[how])
    return Found(rank=rank())


def wait(folder: str, ignores: bool, progress: Listener | None) -> Found:
    """Write who this is and wait for a signal; the first worker takes its time to save."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])  # as a DataLoader's workers
    (Path(folder) / f"pids-{rank()}").write_text(f"{os.getpid()} {child.pid}")
    if ignores:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        if rank() == 0:
            time.sleep(1)
            (Path(folder) / "saved").touch()
        raise Interrupted(f"stopped, says {rank()}", hint="resume") from None
    return Found(rank=rank())
