"""Folders that are written and read, and the address that weights are fetched from."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auto_train.data.cache import cache_folder
from auto_train.data.fetch.mirror import mirror_folders
from auto_train.errors import MissingError

What = Literal["cache", "mirror", "working folder", "temporary files", "weights hub"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder or address.

    Args:
        what: what it is for.
        place: its path or address.
        is_usable: none: not looked at.
        free_mb: room for files, none where nothing is written.
        note: why it is not usable, and the like.
    """

    what: What
    place: str
    is_usable: bool | None = True
    free_mb: int | None = None
    note: str = ""


def look_at_places(*, offline: bool) -> Iterator[Place]:
    """Yield each place as it is now.

    Args:
        offline: do not ask the address.
    """
    try:
        yield _folder("cache", cache_folder())
    except MissingError as error:
        yield Place(what="cache", place=error.where, is_usable=False, note=error.message)
    yield _folder("working folder", Path.cwd())
    yield _folder("temporary files", Path(tempfile.gettempdir()))
    for mirror in mirror_folders():
        note = "" if mirror.is_dir() else "there is no such folder"
        yield Place(what="mirror", place=str(mirror), is_usable=not note, note=note)
    yield from _hub(offline=offline)


def _folder(what: What, path: Path) -> Place:
    is_usable = os.access(path, os.W_OK | os.X_OK)
    free = shutil.disk_usage(path).free // 10**6
    note = "" if is_usable else "cannot be written"
    return Place(what=what, place=str(path), is_usable=is_usable, free_mb=free, note=note)


def _hub(*, offline: bool) -> Iterator[Place]:
    try:
        from huggingface_hub import constants

        from auto_train.data.fetch.pretrained import why_unreachable
    except ImportError:  # an installation that only serves
        return
    note = "not asked: offline" if offline else why_unreachable(constants.ENDPOINT)
    yield Place(what="weights hub", place=constants.ENDPOINT, is_usable=None if offline else not note, note=note)
