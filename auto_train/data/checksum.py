"""sha256 of files, and the error for one that differs."""

import hashlib
from pathlib import Path

from auto_train.errors import DownloadError


class ChecksumError(DownloadError):
    """A file that was fetched whole and is not the file that was meant."""


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 lower-case hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str, *, where: str, hint: str) -> None:
    """Pass if the file's sha256 is the expected one, or if none is expected.

    Raises:
        ChecksumError: it is another; the message holds both.
    """
    if expected and (found := sha256_of(path)) != expected.lower():
        raise ChecksumError(f"sha256 is '{found}', expected '{expected.lower()}'", where=where, hint=hint)
