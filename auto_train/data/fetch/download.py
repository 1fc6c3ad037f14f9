"""One file over http(s): resumed, retried, verified, and in place only when whole."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.cache import lock_path
from auto_train.data.checksum import ChecksumError, hash_file, verify
from auto_train.errors import DownloadError
from auto_train.files import put_in_place

if TYPE_CHECKING:
    import httpx

Progress = Callable[[str, int, int | None], None]
"""Called with a file name, the bytes done, and the bytes in all where they are known."""

# A machine without network must reach its fallback in seconds; a slow server may take its time once it answered.
_CONNECT_S, _READ_S = 5.0, 30.0
_TRIES = 4
_TRY_AGAIN = (408, 429, 500, 502, 503, 504)


class _TryAgain(Exception):
    """An answer that may be another one in a moment."""


def download(
    url: str, target: Path, *, sha256: str = "", progress: Progress | None = None, wait_s: float = 0.5
) -> Path:
    """Return ``target`` with the whole content of ``url``; a verified file that is there is not fetched again.

    Bytes gather in ``<target>.part`` beside it, which a later call continues. Two processes do not collide.

    Args:
        url: ``http://`` or ``https://`` address; redirects are followed.
        target: file to write; its folder is made.
        sha256: 64 hex digits, or "" where unknown.
        progress: told about the bytes.
        wait_s: pause before the second try; doubles with each further one that brings nothing.

    Raises:
        ChecksumError: fetched whole and not the file meant; it is removed.
        DownloadError: not fetched, with the reason.
    """
    part = target.with_name(target.name + ".part")
    with lock_path(target):
        if target.is_file() and (not sha256 or hash_file(target) == sha256.lower()):
            return target
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _fetch_verified(url, part, sha256=sha256, progress=progress, wait_s=wait_s)
            put_in_place(part, target)
            _tag_file(part).unlink(missing_ok=True)
        except OSError as error:
            if isinstance(error, DownloadError):
                raise
            raise DownloadError(f"cannot be written to '{part}': {error.strerror}", where=url) from error
    return target


def _fetch_verified(url: str, part: Path, *, sha256: str, progress: Progress | None, wait_s: float) -> None:
    """Fill ``part`` and verify it; an old part that leads to a wrong sum is fetched anew once."""
    if part.exists() and not (sha256 or _tag_file(part).exists()):
        part.unlink()  # nothing could tell whether the rest belongs to it
    resumed = part.exists()
    _fetch(url, part, progress=progress, wait_s=wait_s)
    try:
        verify(part, sha256, where=url, hint="the file was removed; correct [project] data_sha256 or the address")
    except ChecksumError:
        part.unlink()
        if not resumed:
            raise
        _fetch_verified(url, part, sha256=sha256, progress=progress, wait_s=wait_s)


def _fetch(url: str, part: Path, *, progress: Progress | None, wait_s: float) -> None:
    import httpx

    timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
    failures, most = 0, _size(part)
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        while True:
            try:
                return _append(client, url, part, progress)
            except (httpx.TransportError, _TryAgain) as error:
                failures = 1 if _size(part) > most else failures + 1
                most = max(most, _size(part))
                # Who did not answer for seconds will not in the next ones; a refusal may be a restart.
                is_silent, is_refused = isinstance(error, httpx.ConnectTimeout), isinstance(error, httpx.ConnectError)
                if failures >= (1 if is_silent else 2 if is_refused else _TRIES):
                    raise DownloadError(_reason(error, part), where=url) from error
            except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
                raise DownloadError(f"cannot be fetched: {error}", where=url) from error
            time.sleep(wait_s * 2 ** (failures - 1))


def _append(client: "httpx.Client", url: str, part: Path, progress: Progress | None) -> None:
    """Ask for what is missing of ``part`` and write it."""
    done = _size(part)
    with client.stream("GET", url, headers=_headers(part, done)) as answer:
        if answer.status_code == 416:
            part.unlink(missing_ok=True)
            raise _TryAgain("answered 416: it is shorter than the part fetched before")
        if answer.status_code in _TRY_AGAIN:
            raise _TryAgain(f"answered {answer.status_code} {answer.reason_phrase}")
        if answer.is_error:
            raise DownloadError(f"answered {answer.status_code} {answer.reason_phrase}", where=url)
        is_rest = answer.headers.get("content-range", "").startswith(f"bytes {done}-")
        if answer.status_code != 206 or not is_rest:
            done = 0  # the server sends it from the start
        _tag_file(part).write_text(_tag(answer))
        length = answer.headers.get("content-length")
        total = done + int(length) if length else None
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            # Raw: a .gz that a server labels as compressed transport has to stay the file it is.
            for block in answer.iter_raw():
                done += file.write(block)
                if progress:
                    progress(part.name.removesuffix(".part"), done, total)


def _headers(part: Path, done: int) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
        if _tag_file(part).exists() and (tag := _tag_file(part).read_text()):
            headers["If-Range"] = tag  # another version of the file comes whole
    return headers


def _tag(answer: "httpx.Response") -> str:
    """Return what tells this version of the file from others: a strong ETag or the date."""
    tag = answer.headers.get("etag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("last-modified", "")


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception, part: Path) -> str:
    import httpx

    if isinstance(error, _TryAgain):
        return str(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no connection: {error}"
    got = f" after {_size(part):,} bytes, which are kept for the next try" if _size(part) else ""
    return f"broke off{got}: {error}"
