"""Pretrained weights found by file, mirror, URL or hub name; loading them is not done here."""

import re
from pathlib import Path
from typing import Any

from auto_train.data.cache import cache_folder
from auto_train.data.fetch.download import Progress
from auto_train.data.fetch.mirror import mirror_folders
from auto_train.data.fetch.wanted import WantedFile, fetch, find_here
from auto_train.errors import DownloadError

_HUB = re.compile(r"(?:hf://|hf-hub:)?(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>[\w./-]+))?")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
# What timm and transformers name the weights of a hub repository, the one without pickle first.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def find_weights(
    name: str,
    *,
    offline: bool = False,
    sha256: str = "",
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> Path:
    """Return the file with the weights of that name.

    Args:
        name: a file; a file name in ``AUTO_TRAIN_MIRROR``; an http(s) or ``file:`` URL; a hub name
            (``org/name``, ``hf://org/name/file@revision``).
        offline: use what is on this machine only, a hub cache included.
        sha256: the one file meant, or "".
        progress: told about a download.
        endpoint: address of the hub; None: huggingface.co, or what its own environment variable says.

    Raises:
        ChecksumError: the file is there and is not the one meant.
        DownloadError: it is nowhere; the message lists everything that was tried.
    """
    tried: list[str] = []
    is_hub = name.startswith(("hf://", "hf-hub:"))
    if not is_hub:
        want = WantedFile(url=name, sha256=sha256.lower())
        path = find_here(want, tried)[0] or fetch(want, tried, offline=offline, progress=progress)
        if path:
            return path
    if is_hub or _may_be_hub(name):
        path = _find_in_hub(name, tried, offline=offline, endpoint=endpoint)
        if path:
            return path
    lines = "\n".join(f"  - {line}" for line in dict.fromkeys(tried))
    hint = "" if mirror_folders() else "a folder named in AUTO_TRAIN_MIRROR is searched by file name; "
    raise DownloadError(
        f"weights '{name}' could not be had. Tried:\n{lines}",
        where="[architecture.backbone] weights",
        hint=f"{hint}correct the name, or set pretrained = false and remove weights to start from random ones",
    )


def _may_be_hub(name: str) -> bool:
    return bool(_HUB.fullmatch(name)) and name.count("/") == 1 and not name.lower().endswith(_SUFFIXES)


def _find_in_hub(name: str, tried: list[str], *, offline: bool, endpoint: str | None) -> Path | None:
    """Return a file of a hub repository, from its cache where the hub cannot be reached."""
    match = _HUB.fullmatch(name)
    if not match:
        tried.append(f"hub {name}: no hub name (allowed: hf://ORG/NAME, hf://ORG/NAME/FILE@REVISION)")
        return None
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    # Its own errors derive from these; those of its transport only from that library's base, which changed twice.
    hub_errors: tuple[type[BaseException], ...] = (OSError, ValueError, HfHubHTTPError.__bases__[0])
    endpoint = endpoint or constants.ENDPOINT
    unreachable = "offline" if offline else why_unreachable(endpoint)
    for file in [match["file"]] if match["file"] else _HUB_FILES:
        where: dict[str, Any] = {"revision": match["revision"], "cache_dir": cache_folder("hub")}
        try:
            if unreachable:  # a download of local files only would still ask the hub for something else
                path: Any = try_to_load_from_cache(match["repo"], file, **where)
            else:
                path = hf_hub_download(match["repo"], file, endpoint=endpoint, **where)
        except hub_errors as error:
            reason = unreachable or next(iter(str(error).strip().splitlines()), type(error).__name__)
        else:
            if isinstance(path, str):
                return Path(path)
            reason = unreachable
        tried.append(f"hub {match['repo']}/{file}: {reason}")
    return None


def why_unreachable(endpoint: str) -> str:
    """Return why the hub does not answer, or "": its own client finds out only after a minute of tries."""
    import httpx

    try:
        httpx.head(endpoint, timeout=5)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return f"no connection to {endpoint}: {error}"
    return ""
