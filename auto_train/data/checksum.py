"""sha256 of files, and the error for one that differs."""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from auto_train.data.image_cache import State, load_sums, remember_sums
from auto_train.errors import DownloadError

# A file changed this recently may be changed again without its times moving on.
_SETTLED_NS = 2_000_000_000


class ChecksumError(DownloadError):
    """A file that was fetched whole and is not the file that was meant."""


def hash_file(path: Path) -> str:
    """Return the sha256 of a file as 64 lower-case hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(paths: Sequence[Path]) -> list[str | OSError]:
    """Return the sha256 of each file, or why it cannot be read.

    A file whose size and times of change are those of an earlier start is not read again.
    """
    names = [os.fsencode(path) for path in paths]
    known = load_sums(names)
    fresh: dict[bytes, tuple[State, str]] = {}
    found: list[str | OSError] = []
    for name, path in zip(names, paths, strict=True):
        try:
            state = _state(name)
            if known.get(name, ((), ""))[0] != state:
                # The state from before reading: what is written meanwhile makes another.
                known[name] = state, hash_file(path)
                if time.time_ns() - state[2] > _SETTLED_NS:
                    fresh[name] = known[name]
            found.append(known[name][1])
        except OSError as error:
            found.append(error)
    remember_sums(fresh)
    return found


def _state(path: bytes) -> State:
    status = os.stat(path)  # noqa: PTH116 - a name already encoded
    if stat.S_ISFIFO(status.st_mode):  # it would be waited for without end
        raise OSError(errno.EINVAL, "is a pipe", path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def verify(path: Path, expected: str, *, where: str, hint: str) -> None:
    """Pass if the file's sha256 is the expected one, or if none is expected.

    Raises:
        ChecksumError: it is another; the message holds both.
    """
    if expected and (found := hash_file(path)) != expected.lower():
        raise ChecksumError(f"sha256 is '{found}', expected '{expected.lower()}'", where=where, hint=hint)
