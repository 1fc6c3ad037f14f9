"""Fetched files put into the data folder, so that the folder exists only when it is whole."""

import filecmp
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from auto_train.data.fetch.archive import SUFFIXES, extract, is_archive
from auto_train.errors import DataError
from auto_train.files import put_in_place, replace_file


def install(files: Sequence[tuple[str, Path]], folder: Path) -> str:
    """Extract archives into the parent of ``folder`` and copy other files into it.

    Everything is staged beside the folder; the folder itself is renamed into place last.
    An archive whose only top folder repeats the parent's name is taken without that level.

    Args:
        files: name and present place of each; they are only read.
        folder: the data folder, absolute; existing files are never overwritten.

    Returns:
        A warning, or "".

    Raises:
        DataError: an archive is broken, not safe, or does not hold the folder.
    """
    if has_content(folder):
        for name, path in files:
            _copy_into(folder, name, path)
        return ""
    staging = folder.parent / f".{folder.name}.partial"
    shutil.rmtree(staging, ignore_errors=True)  # of an extraction that was killed
    staging.mkdir(parents=True)
    try:
        return _commit(_stage(files, staging, folder), folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def has_content(folder: Path) -> bool:
    """Return True if the folder holds anything but hidden files."""
    try:
        return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())
    except PermissionError as error:
        raise DataError(f"cannot be listed: {error.strerror}", where=str(folder)) from error


def _stage(files: Sequence[tuple[str, Path]], staging: Path, folder: Path) -> Path:
    """Fill the staging folder and return the folder in it that stands for the data folder's parent."""
    archives = [path for _, path in files if _has_archive(path)]
    for path in archives:
        extract(path, staging)
    tops = sorted(path.name for path in staging.iterdir())
    base = staging
    if folder.name not in tops and tops == [folder.parent.name] and (staging / tops[0] / folder.name).is_dir():
        base = staging / tops[0]
    if archives and not (base / folder.name).is_dir():
        raise _wrong_content(archives, staging, folder)
    (base / folder.name).mkdir(exist_ok=True)
    for name, path in files:
        if path not in archives:
            _copy_into(base / folder.name, name, path)
    return base


def _has_archive(path: Path) -> bool:
    if is_archive(path):
        return True
    if path.name.lower().endswith(SUFFIXES):
        with path.open("rb") as file:
            start = file.read(24)
        raise DataError(f"is no zip or tar archive: it begins with {start!r}", where=str(path))
    return False


def _copy_into(folder: Path, name: str, path: Path) -> None:
    with replace_file(folder / name) as part:
        shutil.copyfile(path, part)


def _commit(base: Path, folder: Path) -> str:
    """Move what was staged beside the data folder; the data folder comes last, since its presence means finished."""
    kept: list[str] = []
    for path in sorted(base.iterdir()):
        if path.name != folder.name:
            kept += _move_missing(path, folder.parent / path.name)
    staged = base / folder.name
    if folder.is_dir():
        for hidden in list(folder.iterdir()):  # a folder is renamed onto an empty one only
            put_in_place(hidden, staged / hidden.name, durable=False)
    put_in_place(staged, folder)
    return f"kept as they were, though the archive holds other content: {', '.join(kept)}" if kept else ""


def _move_missing(source: Path, target: Path) -> list[str]:
    """Move a file or tree; return the existing files that were kept and differ."""
    if not os.path.lexists(target):
        put_in_place(source, target, durable=False)
        return []
    if source.is_dir() and target.is_dir():
        return [name for path in sorted(source.iterdir()) for name in _move_missing(path, target / path.name)]
    is_same = source.is_file() and target.is_file() and filecmp.cmp(source, target, shallow=False)
    return [] if is_same else [str(target)]


def _wrong_content(archives: Sequence[Path], staging: Path, folder: Path) -> DataError:
    tops = sorted(f"{path.name}/" if path.is_dir() else path.name for path in staging.iterdir())
    shown = ", ".join(tops[:10]) + (f", … {len(tops) - 10} more" if len(tops) > 10 else "") or "nothing"
    folders = [top for top in tops if top.endswith("/")]
    names = ", ".join(path.name for path in archives)
    hint = f"set [training] dir = {folder.parent / folders[0]}" if len(folders) == 1 else ""
    hint = hint.rstrip("/") or f"unpack it yourself and set [training] dir, or pack it with '{folder.name}/' at its top"
    return DataError(f"'{names}' has no folder '{folder.name}/'; it holds: {shown}", where=str(folder), hint=hint)
