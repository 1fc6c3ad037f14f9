"""Archives unpacked without trust in them: zip and tar (plain, gz, bz2, xz), told by content, not by name."""

import lzma
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from auto_train.errors import DataError

SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".txz", ".tar.xz", ".tbz2", ".tar.bz2")
# Masks drawn by computer reach a ratio of 100; a bomb reaches 1,000 and more.
_MAX_RATIO, _ALWAYS_ALLOWED = 200, 2**30
# What a file costs on disk at least; bounds archives of millions of empty files too.
_MEMBER_BYTES = 512
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    LookupError,
    OverflowError,
    EOFError,
    NotImplementedError,
    OSError,
    UnicodeError,
)


@dataclass(frozen=True, kw_only=True)
class _Member:
    name: str
    kind: str
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Return True if the file's content is a zip or tar archive."""
    try:
        return _is_zip(path) or tarfile.is_tarfile(path)
    except _BROKEN:
        return False


def extract(archive: Path, target: Path, *, max_bytes: int | None = None) -> None:
    """Unpack an archive into an existing folder.

    Args:
        archive: zip or tar file.
        target: an empty folder that nobody else uses; on an error the caller removes it.
        max_bytes: unpacked size to refuse beyond; None: 200 times the archive (1 GiB at least) and what the disk holds.

    Raises:
        DataError: a member that leads outside, a link, a device, a password, too many bytes, a broken archive.
    """
    limit = max_bytes if max_bytes is not None else _default_limit(archive, target)
    members = _zip_members if _is_zip(archive) else _tar_members
    try:
        for member in members(archive):
            limit -= _MEMBER_BYTES
            limit -= _extract_member(member, target, archive=archive, limit=limit)
    except _BROKEN as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        hint = "if it was downloaded, remove it to have it fetched again"
        raise DataError(f"cannot be unpacked: {reason}", where=str(archive), hint=hint) from error


def _is_zip(path: Path) -> bool:
    """Return True for a file that begins as a zip: ``is_zipfile`` also takes others with a zip at their end."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _default_limit(archive: Path, target: Path) -> int:
    by_ratio = max(_ALWAYS_ALLOWED, _MAX_RATIO * archive.stat().st_size)
    return min(by_ratio, shutil.disk_usage(target).free)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            mode = info.external_attr >> 16
            kind = "folder" if info.is_dir() else "file"
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "a link" if stat.S_ISLNK(mode) else "a device"
            elif info.flag_bits & 1:
                kind = "encrypted"
            yield _Member(name=info.filename, kind=kind, open=lambda info=info: file.open(info))  # type: ignore[misc]


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for info in file:
            kind = "file" if info.isfile() else "folder" if info.isdir() else "a device"
            if info.issym() or info.islnk():
                kind = "a link"
            yield _Member(name=info.name, kind=kind, open=lambda info=info: file.extractfile(info))  # type: ignore


def _extract_member(member: _Member, target: Path, *, archive: Path, limit: int) -> int:
    """Write one member and return its size in bytes."""
    path = target.joinpath(*_parts(member, archive))
    if path.relative_to(target).parts[:1] == ("__MACOSX",):
        return 0
    if limit < 0:
        raise _too_much_error(member, archive)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, path.open("wb") as file:
        while block := source.read(min(1 << 20, limit + 1)):
            written += len(block)
            if written > limit:
                raise _too_much_error(member, archive)
            file.write(block)
    return written


def _too_much_error(member: _Member, archive: Path) -> DataError:
    message = f"unpacks to more than is plausible for its size, or than the disk holds, at '{member.name}'"
    return DataError(message, where=str(archive), hint="unpack it yourself and set [training] dir to the folder")


def _parts(member: _Member, archive: Path) -> tuple[str, ...]:
    """Return the member's path below the target, or refuse the archive."""
    name = member.name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    problem = ""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        problem = "is an absolute path"
    elif ".." in parts or "\0" in name:
        problem = "leads outside of the archive's own folder"
    elif member.kind not in ("file", "folder"):
        problem = f"is {member.kind}"
    if problem:
        hint = "nothing was unpacked; pack the data again with plain files and folders only"
        raise DataError(f"member '{member.name}' {problem}", where=str(archive), hint=hint)
    return parts
