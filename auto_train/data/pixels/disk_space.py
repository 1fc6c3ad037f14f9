"""Room for pixel stores: one builder for each, leftovers of killed builds removed, the least recently used deleted.

Whoever builds holds an exclusive lock on the .part file, whoever reads a shared one on the store, and the system takes
both back from a process that dies. What is locked is not deleted. One lock on the folder guards what happens here.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from auto_train.data.cache import lock_path
from auto_train.errors import TrainingError
from auto_train.files import put_in_place
from auto_train.locks import lock_file


class InWorkError(Exception):
    """Another run builds this store at the moment."""


class NoRoomError(Exception):
    """The store would be larger than what all stores may take, less what is in use; says how much that is."""


@contextmanager
def create_store(path: Path, size: int, *, limit_mb: int | None) -> Iterator[BinaryIO]:
    """Yield an empty file, its disk space taken, that becomes ``path`` when the block ends without an error.

    Args:
        path: of the store, in the folder of all stores.
        size: bytes of the file.
        limit_mb: what all stores may take together; None: half of what would be free without them.

    Raises:
        InWorkError: see there; also if the store has just been built.
        NoRoomError: see there.
        TrainingError: the folder cannot be written, or the disk is full.
    """
    part = _part(path)
    with _explain_full_disk(path.parent), lock_path(path.parent):
        file = _claim(path, part, size, limit_mb)
    with file:
        try:
            with _explain_full_disk(path.parent):
                # Take the space now: on a full disk a mapped page would end the process without a word.
                os.posix_fallocate(file.fileno(), 0, size)
            yield file
            put_in_place(part, path)
        finally:
            # While it is locked: later it may be another's.
            part.unlink(missing_ok=True)


def wait_for_builder(path: Path) -> None:
    """Return when nobody builds this store any more: it is there, or whoever built it has failed."""
    with contextlib.suppress(FileNotFoundError), _part(path).open("rb") as file:
        lock_file(file, shared=True)


def megabytes(size: float) -> str:
    """Return a number of bytes for people: "147 MB", "0.02 MB"."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.2g} MB"


@contextmanager
def _explain_full_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"cannot write the pixel store: {error}",
            where=str(folder.absolute()),
            hint="free some space there, name another folder in AUTO_TRAIN_CACHE, or set [training.data] cache_mb = 0",
        ) from error


def _part(path: Path) -> Path:
    return path.with_suffix(".part")


def _claim(path: Path, part: Path, size: int, limit_mb: int | None) -> BinaryIO:
    """Return the new, locked .part file, its size set so that others count it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    if part.exists() or path.exists():
        raise InWorkError
    _make_room(path.parent, size, limit_mb)
    file = part.open("w+b")
    try:
        lock_file(file)
        file.truncate(size)
    except OSError:
        part.unlink()
        file.close()
        raise
    return file


def _remove_leftovers(folder: Path) -> None:
    """Delete what killed builds left: files nobody holds a lock on."""
    for left in [*folder.glob("*.part"), *folder.glob("*.lock")]:
        with ExitStack() as stack:
            if _is_unused(left, stack):
                left.unlink(missing_ok=True)


def _make_room(folder: Path, size: int, limit_mb: int | None) -> None:
    """Delete the least recently used stores until a new one fits, or none if it would not fit then either."""
    stores = {path: path.stat() for path in folder.glob("*.npy")}
    taken = sum(stat.st_size for stat in stores.values()) + sum(part.stat().st_size for part in folder.glob("*.part"))
    free = shutil.disk_usage(folder).free
    most = (taken + free) / 2 if limit_mb is None else min(limit_mb * 1e6, taken + free)
    with ExitStack() as stack:
        dropped = []
        for path in sorted(stores, key=lambda path: stores[path].st_mtime):
            if taken + size > most and _is_unused(path, stack):
                dropped.append(path)
                taken -= stores[path].st_size
        if taken + size > most:
            kept = f", {megabytes(taken)} of it in use" if taken else ""
            allowed = f"{megabytes(most)} ([training.data] cache_mb)"
            raise NoRoomError(f"{megabytes(size)} do not fit: stores may take {allowed}{kept}")
        for path in dropped:
            path.unlink()


def _is_unused(path: Path, stack: ExitStack) -> bool:
    """Tell whether nobody has locked the file; if so, lock it until the stack ends."""
    try:
        file = stack.enter_context(path.open("r+b"))
        return lock_file(file, wait=False)
    except OSError:
        return False
