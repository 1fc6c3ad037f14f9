"""Whether the worker of a job lives: it holds a lock, which the system takes away with it, however it ends.

No process number can be mistaken for another's, after a restart of the machine or from inside a container.
"""

import fcntl
from pathlib import Path
from typing import BinaryIO

NAME = ".lock"


def hold(folder: Path) -> BinaryIO:
    """Return the lock of a job's folder, held until the file is closed or this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / NAME).open("wb")  # not inherited by the training
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def is_held(folder: Path) -> bool:
    """Tell whether a process holds it. Where that cannot be found out, it is taken to live."""
    try:
        with (folder / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
