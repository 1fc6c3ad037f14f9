"""One file named by URL or path: found on this machine, in a mirror, or fetched."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from auto_train.data.cache import cache_folder
from auto_train.data.checksum import ChecksumError, hash_file, verify
from auto_train.data.fetch.download import Progress, download
from auto_train.data.fetch.mirror import find_in_mirror, mirror_folders
from auto_train.errors import DownloadError, UsageError


@dataclass(frozen=True, kw_only=True)
class WantedFile:
    """A file by name.

    Attributes:
        url: ``http(s)://`` or ``file:`` URL, or a path.
        sha256: 64 lower-case hex digits, or "" where unknown.
    """

    url: str
    sha256: str = ""

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``file``, another one, or "" for a path."""
        head, mark, _ = self.url.partition("://")
        return head.lower() if mark else "file" if self.url.startswith("file:") else ""

    @property
    def place(self) -> str:
        """The path in the URL, without its query, or the path itself."""
        if not self.scheme:
            return self.url
        path = re.split(r"[?#]", self.url.partition(":")[2])[0]
        if path.startswith("//"):
            path = "/" + path[2:].partition("/")[2]  # without the host
        return unquote(path)

    @property
    def name(self) -> str:
        """The file's name: never empty, never one that leads to another folder."""
        name = re.sub(r"[\x00-\x1f]", "_", self.place.rstrip("/").rpartition("/")[2])
        return name if name not in ("", ".", "..") else "download"

    @property
    def local(self) -> Path | None:
        """The file on this machine that is meant, if one is."""
        return Path(self.place).expanduser().absolute() if self.scheme in ("", "file") else None


def find_here(want: WantedFile, tried: list[str]) -> tuple[Path | None, bool]:
    """Return the file if it is on this machine, and whether a mirror had it.

    Args:
        want: what to find.
        tried: gets a line for each place that did not have it.

    Raises:
        ChecksumError: the path names another file than the one meant.
        UsageError: the path is a folder.
    """
    path = want.local
    if path and path.is_dir():
        hint = "data in a folder is read in place: name the folder in [training] dir"
        raise UsageError(
            "is a folder", where=str(path), allowed="an archive or another file, by path or URL", hint=hint
        )
    if path and path.is_file():
        verify(path, want.sha256, where=str(path), hint="correct the sha256 or the path")
        return path, False
    if path:
        tried.append(f"file {path}: not there")
    found = find_in_mirror(want.name, want.sha256, tried)
    if not found and not mirror_folders():
        tried.append(f"mirror: AUTO_TRAIN_MIRROR is not set; '{want.name}' would be looked for")
    return found, bool(found)


def fetch(want: WantedFile, tried: list[str], *, offline: bool, progress: Progress | None) -> Path | None:
    """Return the downloaded file, or None with the reason in ``tried``.

    Raises:
        ChecksumError: it was fetched whole and is not the one meant.
    """
    if want.scheme not in ("http", "https"):
        if want.scheme not in ("file", ""):
            tried.append(f"{want.url}: unknown scheme '{want.scheme}' (allowed: http, https, file)")
        return None
    key = hashlib.sha256(want.url.encode()).hexdigest()[:12]
    target = cache_folder("downloads") / key / want.name
    if offline:
        if target.is_file() and (not want.sha256 or hash_file(target) == want.sha256):
            return target
        tried.append(f"{want.url}: not fetched, offline")
        return None
    try:
        return download(want.url, target, sha256=want.sha256, progress=progress)
    except ChecksumError:
        raise
    except DownloadError as error:
        tried.append(str(error))
        return None
