"""Data brought to the data folder from the first place that has it: the folder, a mirror, a URL, the fallback."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from auto_train.data.archive import SUFFIXES
from auto_train.data.cache import cache_folder, locked
from auto_train.data.checksum import ChecksumError, verify
from auto_train.data.download import Progress, download
from auto_train.data.install import has_content, install
from auto_train.data.mirror import find_in_mirror, mirror_folders
from auto_train.errors import DownloadError, UsageError, did_you_mean

BUILTINS = {"digits": "the 1,797 real handwritten digits that scikit-learn ships"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data is now.

    Attributes:
        folder: the data folder, absolute; None for builtin data.
        builtin: name of builtin data, or None.
        origin: which kind of place had it.
        warning: text the caller shows, or None.
        tried: a line for each place that did not have it.
    """

    folder: Path | None = None
    builtin: str | None = None
    origin: Literal["folder", "mirror", "url", "fallback"]
    warning: str | None = None
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One file that the data consists of."""

    url: str
    sha256: str = ""

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``file``, another one, or "" for a plain path."""
        head, mark, _ = self.url.partition("://")
        return head.lower() if mark else "file" if self.url.startswith("file:") else ""

    @property
    def name(self) -> str:
        path = unquote(urlsplit(self.url).path) if self.scheme else self.url
        return PurePosixPath(path.rstrip("/")).name or "download"

    @property
    def local(self) -> Path | None:
        """The file this names on this machine, if it names one."""
        if self.scheme == "file":
            return Path(unquote(urlsplit(self.url).path))
        return None if self.scheme else Path(self.url).expanduser().absolute()


def acquire(
    urls: str | Sequence[str],
    folder: Path | str,
    *,
    sha256s: Sequence[str] = (),
    fallback: str | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Source:
    """Return where the data is, fetching it if it is not there.

    The order: files in ``folder``; ``AUTO_TRAIN_MIRROR``; the URLs; the fallback. Archives are extracted into the
    parent of ``folder``, other files are copied into it. ``folder`` appears only when everything in it is whole.

    Args:
        urls: http(s) or ``file:`` URLs or paths of the files the data consists of, or ``builtin:NAME``.
        folder: the data folder (``training.dir``).
        sha256s: one per URL, or none at all.
        fallback: ``builtin:NAME`` to use, with a warning, when a file is not to be had.
        offline: touch no network.
        progress: told about downloads.

    Raises:
        UsageError: another number of checksums than URLs; unknown builtin data.
        ChecksumError: a file is there or reachable and is not the one meant; no fallback then.
        DownloadError: a file is nowhere; the message lists everything that was tried.
        DataError: an archive that is broken, not safe, or without ``folder`` in it.
    """
    folder = Path(folder).expanduser().resolve()
    urls = [urls] if isinstance(urls, str) else list(urls)
    if sha256s and len(sha256s) != len(urls):
        message = f"{len(sha256s)} checksums for {len(urls)} sources"
        raise UsageError(message, where="[project] data_sha256", allowed="one per data_source_url, or none")
    wanted = [Wanted(url=url, sha256=sha.lower()) for url, sha in zip(urls, sha256s or [""] * len(urls), strict=True)]
    if has_content(folder) and not _missing(wanted, folder):
        return Source(folder=folder, origin="folder")
    if len(urls) == 1 and urls[0].startswith("builtin:"):
        return Source(builtin=_builtin(urls[0], "[project] data_source_url"), origin="url")
    with locked(folder):
        return _acquire_locked(wanted, folder, fallback=fallback, offline=offline, progress=progress)


def _acquire_locked(
    wanted: Sequence[Wanted], folder: Path, *, fallback: str | None, offline: bool, progress: Progress | None
) -> Source:
    if has_content(folder):  # another process may have been faster
        wanted = _missing(wanted, folder)
        if not wanted:
            return Source(folder=folder, origin="folder")
    tried = [f"folder {folder}: {'lacks files' if has_content(folder) else 'not there'}"]
    files: list[tuple[str, Path]] = []
    is_remote = False
    for want in wanted:
        path = find_here(want, tried)
        if not path:
            is_remote = True
            path = fetch(want, tried, offline=offline, progress=progress)
        if not path and not offline:
            break  # all are needed: without network the others would only wait for it too
        if path:
            files.append((want.name, path))
    if not wanted or len(files) < len(wanted):
        return _fall_back(fallback, folder, tried, wanted)
    warning = install(files, folder)
    is_mirror = not is_remote and any(not (w.local and w.local.exists()) for w in wanted)
    origin: Literal["mirror", "url"] = "mirror" if is_mirror else "url"
    return Source(folder=folder, origin=origin, warning=warning or None, tried=tuple(tried))


def _missing(wanted: Sequence[Wanted], folder: Path) -> list[Wanted]:
    """Return what a data folder that has content lacks.

    Data without any of the single files is the user's own or was an archive: it lacks nothing.
    """
    single = [want for want in wanted if "." in want.name and not want.name.lower().endswith(SUFFIXES)]
    # idx files are also found unpacked; their checksum is that of the .gz
    missing = [
        w for w in single if not (folder / w.name).exists() and not (folder / w.name.removesuffix(".gz")).exists()
    ]
    if len(missing) == len(single):
        return []
    for want in single:
        if (path := folder / want.name).is_file():
            verify(path, want.sha256, where=str(path), hint="remove the file to have it fetched again")
    return missing


def find_here(want: Wanted, tried: list[str]) -> Path | None:
    """Return the file if it is on this machine: named by path, or in a mirror."""
    if (path := want.local) and path.is_file():
        verify(path, want.sha256, where=str(path), hint="correct [project] data_sha256 or the path")
        return path
    if path and path.is_dir():
        hint = f"data is read in place: set [training] dir = {path} and leave data_source_url away"
        raise UsageError(f"'{path}' is a folder", where="[project] data_source_url", allowed="files, URLs", hint=hint)
    if path:
        tried.append(f"file {path}: not there")
    if found := find_in_mirror(want.name, want.sha256, tried):
        return found
    if not mirror_folders():
        tried.append(f"mirror: AUTO_TRAIN_MIRROR is not set, looked for '{want.name}'")
    return None


def fetch(want: Wanted, tried: list[str], *, offline: bool, progress: Progress | None) -> Path | None:
    """Return the downloaded file, or None with the reason in ``tried``."""
    import hashlib

    if want.scheme not in ("http", "https"):
        if want.scheme not in ("file", ""):
            tried.append(f"{want.url}: scheme '{want.scheme}' is not known (allowed: http, https, file, builtin)")
        return None
    key = hashlib.sha256(want.url.encode()).hexdigest()[:12]
    target = cache_folder("downloads") / key / want.name
    if offline and not target.is_file():
        tried.append(f"{want.url}: not fetched, offline")
        return None
    try:
        return download(want.url, target, sha256=want.sha256, progress=progress)
    except ChecksumError:
        raise
    except DownloadError as error:
        tried.append(str(error))
        return None


def _fall_back(fallback: str | None, folder: Path, tried: Sequence[str], wanted: Sequence[Wanted]) -> Source:
    reasons = "\n".join(f"  - {line}" for line in dict.fromkeys(tried))
    if fallback:
        name = _builtin(fallback, "[project.data] fallback")
        text = (
            f"the data of '{folder}' could not be had; {fallback} is used instead: {BUILTINS[name]}. Tried:\n{reasons}"
        )
        return Source(builtin=name, origin="fallback", warning=text, tried=tuple(tried))
    if not wanted:
        hint = "name its source in [project] data_source_url, or correct [training] dir"
        raise DownloadError("no data here and no source is named", where=str(folder), hint=hint)
    raise DownloadError(
        f"no data here and not every source could be had. Tried:\n{reasons}",
        where=str(folder),
        hint="put the files into a folder and name it in AUTO_TRAIN_MIRROR, or correct [project] data_source_url",
    )


def _builtin(name: str, where: str) -> str:
    found = name.removeprefix("builtin:")
    if found not in BUILTINS or not name.startswith("builtin:"):
        known = [f"builtin:{known}" for known in BUILTINS]
        raise UsageError(f"'{name}' is no builtin data", where=where, allowed=did_you_mean(name, known))
    return found
