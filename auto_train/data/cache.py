"""Places on disk: where downloads and pixel stores are kept, and locks that hold between processes."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auto_train.errors import MissingError
from auto_train.locks import hold
from auto_train.types import to_absolute


def cache_folder(name: str = "") -> Path:
    """Return (and make) a folder under ``AUTO_TRAIN_CACHE``, by default ``~/.cache/auto_train``.

    Args:
        name: sub-folder, e.g. ``downloads``.

    Raises:
        MissingError: it cannot be made.
    """
    folder = to_absolute(os.environ.get("AUTO_TRAIN_CACHE") or "~/.cache/auto_train") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "set AUTO_TRAIN_CACHE to a folder that can be written"
        raise MissingError(f"the cache cannot be made: {error.strerror}", where=str(folder), hint=hint) from error
    return folder


@contextmanager
def lock_path(path: Path) -> Iterator[None]:
    """Hold the right to write ``path`` among all processes of this machine; wait for whoever has it.

    The lock lies in the cache, not beside the path: data folders stay clean. A killed process loses it at once.
    """
    digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:24]
    with hold(cache_folder("locks") / f"{digest}.lock", wait_s=-1):
        yield
