"""Data brought to the data folder from the first place that has it: the folder, a mirror, a URL, the fallback."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auto_train.data.cache import lock_path
from auto_train.data.checksum import verify
from auto_train.data.fetch.archive import SUFFIXES
from auto_train.data.fetch.download import Progress
from auto_train.data.fetch.install import has_content, install
from auto_train.data.fetch.wanted import WantedFile, fetch, find_here
from auto_train.errors import DownloadError, UsageError, did_you_mean
from auto_train.types import to_absolute

Origin = Literal["folder", "mirror", "url", "fallback"]
BUILTINS = {"digits": "the 1,797 real handwritten digits that scikit-learn ships"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data is now.

    Attributes:
        folder: the data folder, absolute; None for builtin data.
        builtin: name of builtin data, or None.
        origin: what kind of place had it; ``url`` if any file was not in a mirror.
        warning: text the caller shows, or None.
        tried: a line for each place that did not have it.
    """

    folder: Path | None = None
    builtin: str | None = None
    origin: Origin
    warning: str | None = None
    tried: tuple[str, ...] = ()


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
        urls: http(s) or ``file:`` URLs or paths of the files the data consists of, or one ``builtin:NAME``.
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
    folder, wanted, instead = _parse_source(urls, folder, sha256s, fallback)
    if has_content(folder) and not _find_missing(wanted, folder):
        return Source(folder=folder, origin="folder")
    if len(wanted) == 1 and wanted[0].url.startswith("builtin:"):
        return Source(builtin=_builtin(wanted[0].url, "[project] data_source_url"), origin="url")
    with lock_path(folder.resolve()):
        return _acquire_locked(wanted, folder, instead=instead, offline=offline, progress=progress)


def require_here(
    urls: str | Sequence[str], folder: Path | str, *, sha256s: Sequence[str] = (), fallback: str | None = None
) -> None:
    """Pass if :func:`acquire` would find the data without network; see there for the arguments. Writes nothing.

    Raises:
        DownloadError: a file is nowhere; the message lists everything that was tried.
        UsageError, ChecksumError: as there.
    """
    folder, wanted, instead = _parse_source(urls, folder, sha256s, fallback)
    has_some = has_content(folder)
    missing = _find_missing(wanted, folder) if has_some else wanted
    if (has_some and not missing) or (len(wanted) == 1 and wanted[0].url.startswith("builtin:")):
        return
    tried = [_explain_incomplete(folder, has_some)]
    found = [find_here(want, tried)[0] or fetch(want, tried, offline=True, progress=None) for want in missing]
    if not missing or not all(found):
        _fall_back(instead, folder, tried, is_named=bool(missing))


def _parse_source(
    urls: str | Sequence[str], folder: Path | str, sha256s: Sequence[str], fallback: str | None
) -> tuple[Path, list[WantedFile], str | None]:
    """Return the data folder, the files it consists of, and the name of the builtin data to fall back on."""
    urls = [urls] if isinstance(urls, str) else list(urls)
    if sha256s and len(sha256s) != len(urls):
        message = f"{len(sha256s)} checksums for {len(urls)} sources"
        raise UsageError(message, where="[project] data_sha256", allowed="one per data_source_url, or none")
    instead = _builtin(fallback, "[project.data] fallback") if fallback else None
    wanted = [
        WantedFile(url=url, sha256=sha.lower()) for url, sha in zip(urls, sha256s or [""] * len(urls), strict=True)
    ]
    return to_absolute(folder), wanted, instead


def _explain_incomplete(folder: Path, has_some: bool) -> str:
    return f"folder {folder}: {'lacks files' if has_some else 'not there'}"


def _acquire_locked(
    wanted: Sequence[WantedFile], folder: Path, *, instead: str | None, offline: bool, progress: Progress | None
) -> Source:
    is_partial = has_content(folder)
    if is_partial and not (wanted := _find_missing(wanted, folder)):
        return Source(folder=folder, origin="folder")  # another process was faster
    tried = [_explain_incomplete(folder, is_partial)]
    files: list[tuple[str, Path]] = []
    origin: Origin = "mirror"
    for want in wanted:
        path, is_mirror = find_here(want, tried)
        path = path or fetch(want, tried, offline=offline, progress=progress)
        if path:
            files.append((want.name, path))
            origin = origin if is_mirror else "url"
        elif not offline:
            break  # all are needed; without network the others would only wait for it too
    if not files or len(files) < len(wanted):
        return _fall_back(instead, folder, tried, is_named=bool(wanted))
    try:
        warning = install(files, folder.resolve())
    except OSError as error:
        raise DownloadError(f"cannot be written: {error.strerror or error}", where=str(folder)) from error
    return Source(folder=folder, origin=origin, warning=warning or None, tried=tuple(tried))


def _find_missing(wanted: Sequence[WantedFile], folder: Path) -> list[WantedFile]:
    """Return what a data folder that has content lacks.

    Data without any of the single files is the user's own, or was an archive: it lacks nothing.
    An idx file may lie there unpacked; its checksum, that of the .gz, then says nothing.
    """
    single = [want for want in wanted if "." in want.name and not want.name.lower().endswith(SUFFIXES)]
    present = [want for want in single if (folder / want.name).is_file()]
    unpacked = [want for want in single if (folder / want.name.removesuffix(".gz")).is_file()]
    for want in present:
        path = folder / want.name
        verify(path, want.sha256, where=str(path), hint="remove the file to have it fetched again")
    return [want for want in single if want not in present + unpacked] if present or unpacked else []


def _fall_back(instead: str | None, folder: Path, tried: Sequence[str], *, is_named: bool) -> Source:
    reasons = "\n".join(f"  - {line}" for line in dict.fromkeys(tried))
    if instead:
        used = f"builtin:{instead} is used instead: {BUILTINS[instead]}"
        warning = f"the data of '{folder}' could not be had; {used}. Tried:\n{reasons}"
        return Source(builtin=instead, origin="fallback", warning=warning, tried=tuple(tried))
    if not is_named:
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
