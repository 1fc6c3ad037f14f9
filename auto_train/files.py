"""Files that are whole at any moment: after a crash, a full disk, a power loss."""

import errno
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from auto_train.errors import AutoTrainError, TrainingError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SYNC_BYTES = 4 * 2**20


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside the file, sync and rename, so that a crash leaves the old file whole.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    with write_file(path) as part:
        part.write_bytes(content)


@contextmanager
def write_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; what was written there replaces the file when the block ends without an error.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    try:
        with replace_file(path) as part:
            yield part
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as RuntimeError
        if isinstance(error, AutoTrainError):
            raise
        raise _unwritable(path, error) from error


@contextmanager
def replace_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Do what :func:`write_file` does, for callers that explain an OSError in their own words.

    Args:
        durable: on the disk when the block has ended; False for what is written every second and may be lost.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
        put_in_place(part, path, durable=durable)
    finally:
        part.unlink(missing_ok=True)


def put_in_place(part: Path, path: Path, *, durable: bool = True) -> None:
    """Let a whole file, or a folder, take the name ``path``; durable: on the disk when this returns."""
    if durable and part.is_file() and not part.is_symlink():
        with part.open("rb") as file:
            os.fsync(file.fileno())
    os.replace(part, path)
    if durable:
        sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """Return a new temporary name beside a path; :meth:`RunFolder.clean` removes those of killed processes."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}.part")


def replace_link(link: Path, target: str) -> None:
    """Let a symbolic link name another target, at once."""
    part = part_of(link)
    part.symlink_to(target)
    put_in_place(part, link)


@contextmanager
def write_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder, which takes the other's place when the block ends without an error.

    Two names cannot be changed at once: a process killed between them leaves neither, and what was there is lost.
    """
    part = part_of(path)
    old = path.with_name(f".{path.name}.old.part")
    part.mkdir(parents=True)
    try:
        yield part
        remove(old)
        if path.exists():
            os.replace(path, old)
        put_in_place(part, path)
    finally:
        remove(part)
        remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class WrittenThrough(io.FileIO):
    """A new file of many megabytes, each few of them on the disk, and gone from the file cache, before the next.

    As a whole in the cache a file of 130 MB takes twice as long: the kernel finds room for each page of it anew.

    Args:
        path: of the file, made anew.
    """

    def __init__(self, path: Path):
        super().__init__(path, "wb")
        self._size = self._synced = 0

    def write(self, content: Any) -> int:
        """Write all of a bytes-like object, and return its size."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        while rest:
            rest = rest[super().write(rest) :]
        self._size += size
        if self._size - self._synced >= SYNC_BYTES:
            self._sync()
        return size

    def _sync(self) -> None:
        os.fsync(self.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fileno(), self._synced, self._size - self._synced, os.POSIX_FADV_DONTNEED)
        self._synced = self._size


def link_file(source: Path, path: Path) -> None:
    """Let a name stand for another file's content, at once: a link where the file system has them, else a copy."""
    with write_file(path) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def append_line(path: Path, text: str) -> None:
    """Append one line, on the disk when this returns: all of it or, where the disk is full, nothing.

    Raises:
        TrainingError: it cannot be written.
    """
    size = path.stat().st_size if path.exists() else 0
    rest = f"{text}\n".encode()
    try:
        with path.open("ab", buffering=0) as file:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, size)
        raise _unwritable(path, error) from error


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: a rename is lost with the power before that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot, such as some over a network
            raise
    finally:
        os.close(descriptor)


def cut_torn_line(path: Path) -> None:
    """Remove the end of a file after its last line end: a line that a power loss has cut short."""
    if path.is_file() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        os.truncate(path, text.rfind(b"\n") + 1)


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Turn what any library raises on a full disk into the error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise _unwritable(Path(error.filename) if error.filename else folder / "a file", error) from error


def _unwritable(path: Path, error: Exception) -> TrainingError:
    # torch's writer says nothing of the reason
    is_full = not isinstance(error, OSError) or error.errno in NO_SPACE
    reason = error.strerror if isinstance(error, OSError) else "not all of it; is the disk full?"
    return TrainingError(
        f"cannot write {path.name}: {reason}",
        where=str(path.parent.absolute()),
        hint=f"{'free some space there' if is_full else 'correct its rights'}; the files written before are whole",
    )
