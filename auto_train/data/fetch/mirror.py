"""Files found by name in the folders of ``AUTO_TRAIN_MIRROR``; a mirror is only ever read."""

import os
from collections.abc import Iterator
from pathlib import Path

from auto_train.data.checksum import hash_file


def mirror_folders() -> list[Path]:
    """Return the folders named in ``AUTO_TRAIN_MIRROR`` (one, or several as in ``PATH``)."""
    names = os.environ.get("AUTO_TRAIN_MIRROR", "").split(os.pathsep)
    return [Path(name).expanduser().absolute() for name in names if name.strip()]


def find_in_mirror(name: str, sha256: str, tried: list[str]) -> Path | None:
    """Return the file of that name in a mirror folder or one level below it.

    Args:
        name: file name without folders.
        sha256: the one file meant, or "" for the first of that name.
        tried: gets a line for each place that did not have it.
    """
    for folder in mirror_folders():
        if not folder.is_dir():
            tried.append(f"mirror {folder}: no such folder")
            continue
        candidates = list(_candidates(folder, name))
        for path in candidates:
            if not sha256 or hash_file(path) == sha256:
                return path
            tried.append(f"mirror {path}: its sha256 is not '{sha256}'")
        if not candidates:
            tried.append(f"mirror {folder}: no '{name}' in it or one level below")
    return None


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return (place / name for place in [folder, *below] if (place / name).is_file())
