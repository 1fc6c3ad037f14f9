"""Values that several layers hand to each other and none of them owns."""

import dataclasses
import math
import os
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """Tell how far a long action is.

    Args:
        stage: what is being done, one or two words: ``download``, ``check``, ``train``.
        done: units finished; epochs of a training, with the fraction of the one that runs.
        total: units there are; none: not known.
        eta_s: seconds until all are finished; none: not known yet.
        message: a sentence worth a line of its own, e.g. "training from scratch".
        row: the epoch so far, as its line of metrics.jsonl will be: see training/runs/epoch_log.py.
        epoch_ended: the row is complete.
        run: the run folder, told once when there is one.
    """

    stage: str
    done: float = 0
    total: float | None = None
    eta_s: float | None = None
    message: str = ""
    row: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    epoch_ended: bool = False
    run: Path | None = None


Listener = Callable[[Progress], None]


def as_plain(value: Any) -> Any:
    """Return the value as JSON knows it.

    Dataclasses and mappings become dicts, arrays and tensors lists, paths and unknown objects text, NaN and
    infinities None.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist"):  # numpy and torch; a scalar's tolist() is a plain number
        return as_plain(value.tolist())
    return str(value)


def normalise_text(text: str) -> str:
    """Return the text in Unicode's composed form (NFC): macOS writes ``é`` as two characters, Linux as one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def to_absolute(path: Path | str) -> Path:
    """Return the path without ``~`` and ``..``, links in it kept: what lies below keeps its name. Any text has one.

    Where the disk has the path in another Unicode form only, that one is returned.
    """
    return match_disk_spelling(Path(os.path.abspath(os.path.expanduser(path))))  # noqa: PTH100, PTH111 - Path's own fail for an unknown ~user


def match_disk_spelling(path: Path) -> Path:
    """Return the path as the disk spells it; one that is not there in any Unicode form, unchanged."""
    if str(path).isascii() or _exists(path):
        return path
    found = Path(path.anchor)
    for at, part in enumerate(path.parts[bool(path.anchor) :], start=bool(path.anchor)):
        below = found / part
        if not _exists(below):
            name = _spellings(str(found)).get(normalise_text(part))
            if name is None:
                return found.joinpath(*path.parts[at:])
            below = found / name
        found = below
    return found


def _exists(path: Path) -> bool:
    return os.path.lexists(path)  # Path's own raise for a name that is too long or holds a NUL


def _spellings(folder: str) -> Mapping[str, str]:
    """Return the disk's spelling of each name in a folder by its composed form."""
    try:
        return _names_in(folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116 - a hundred thousand calls
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=256)
def _names_in(folder: str, mtime_ns: int) -> Mapping[str, str]:
    return {normalise_text(name): name for name in sorted(os.listdir(folder or "."), reverse=True)}  # noqa: PTH208


def as_typed(path: Path) -> str:
    """Return the path as a command needs it here: relative where it lies below the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
