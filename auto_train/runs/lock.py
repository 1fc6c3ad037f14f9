"""One training per run folder: a lock of the operating system, which is gone with the process that held it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from auto_train import locks
from auto_train.errors import UsageError

NAME = ".lock"


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs.

    The file stays; only the lock on it counts. So a killed training leaves nothing that has to be removed by hand, and
    workers that outlive it do not have it.

    Raises:
        UsageError: another process trains it; the message names that process.
    """
    folder = folder.resolve()
    file = folder / NAME
    try:
        held = locks.hold(file)
    except TimeoutError:
        raise _refusal(folder, _holder(file)) from None
    with held:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%F %T} UTC"}
        file.write_text(json.dumps(holder), encoding="utf-8")
        yield


def is_held(folder: Path) -> bool:
    """Tell whether a process trains the run; asking keeps no training from it."""
    return locks.is_held(folder / NAME)


def _refusal(folder: Path, holder: str) -> UsageError:
    return UsageError(
        f"this run is being trained {holder}",
        where=str(folder),
        hint="wait for it or stop it (Ctrl-C, or kill and its number): it saves its state, then resume",
    )


def _holder(file: Path) -> str:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if (found["pid"], found["host"]) == (os.getpid(), socket.gethostname()):
            return f"by this process, {os.getpid()}"
        return f"by process {found['pid']} on {found['host']} since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun, and not written yet
        return "by another process"
