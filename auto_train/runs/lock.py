"""One training per run folder: a lock of the operating system, which is gone with the process that held it."""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from auto_train.errors import UsageError

NAME = ".lock"
# What a file system without locks answers.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
# Folders this process holds: the system asks other processes only.
_held: set[Path] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs.

    The file stays; only the lock on it counts. So a killed training leaves nothing that has to be removed by hand. It
    is a lock of the process, which forked workers that outlive it do not have; and which is lost when the process opens
    the file a second time and closes it.

    Raises:
        UsageError: another process trains it; the message names that process.
    """
    folder = folder.resolve()
    if folder in _held:
        raise _refusal(folder, f"by this process, {os.getpid()}")
    # Not truncated: the one who holds it has written into it.
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise _refusal(folder, _holder(file.read())) from None
            if error.errno not in NO_LOCKS:
                raise
            from loguru import logger

            logger.warning(f"{folder}: this file system knows no locks; do not train this run twice at a time")
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%F %T} UTC"}, file)
        file.flush()
        _held.add(folder)
        try:
            yield
        finally:
            _held.remove(folder)


def _refusal(folder: Path, holder: str) -> UsageError:
    return UsageError(
        f"this run is being trained {holder}",
        where=str(folder),
        hint="wait for it or stop it (Ctrl-C, or kill and its number): it saves its state, then resume",
    )


def _holder(text: str) -> str:
    try:
        found = json.loads(text)
        return f"by process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError):  # it has just begun, and not written yet
        return "by another process"
