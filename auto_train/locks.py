"""Locks between processes. The system takes them back from a process however it ends; the file of a lock stays."""

import errno
import fcntl
from contextlib import ExitStack
from io import IOBase
from pathlib import Path

# What a file system without locks answers.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
# Seconds for which a lock is tried that another has: whoever asks is_held() has it for some microseconds.
PATIENCE_S = 0.5
POLL_S = 0.005


def hold(path: Path, *, wait_s: float = PATIENCE_S) -> ExitStack:
    """Return a lock, held until it is closed or this process ends; forked children do not hold it, nor do programs.

    Where the file system has no locks, a warning says so, and nothing is held.

    Args:
        path: of the lock's own file, which is made; its folder is there.
        wait_s: seconds to wait for whoever has it; below 0: as long as it takes.

    Raises:
        TimeoutError: another process or thread has it.
        OSError: the file cannot be made.
    """
    from filelock import FileLock

    held = ExitStack()
    # Of all threads: whoever closes it need not be the one who took it.
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        held.enter_context(lock.acquire(timeout=wait_s, poll_interval=POLL_S if wait_s >= 0 else None))
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        from loguru import logger

        logger.warning(f"{path.parent}: this file system has no locks; do not use it from two processes at a time")
    return held


def is_held(path: Path) -> bool:
    """Tell whether a lock is held by anybody. Where that cannot be found out, it counts as held."""
    try:
        with path.open("rb") as file:
            if not lock_file(file, shared=True, wait=False):  # shared: two that ask do not see each other
                return True
            # A process that another thread forks meanwhile has the file too, and the lock as long as that is open.
            fcntl.flock(file, fcntl.LOCK_UN)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def lock_file(file: IOBase, *, shared: bool = False, wait: bool = True) -> bool:
    """Lock an open file, as long as it, or a memory map of it, is open; forked children hold the lock too.

    Args:
        file: whose content is guarded.
        shared: others may share the lock; else nobody has one.
        wait: for others who have it.

    Returns:
        Whether it is locked: False where another has it and is not waited for.

    Raises:
        OSError: this file system has no locks.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
