"""Values that several layers hand to each other and none of them owns."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
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


def absolute(path: Path | str) -> Path:
    """Return the path without ``~`` and ``..``, links in it kept: what lies below keeps its name. Any text has one."""
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - Path's own fail for an unknown ~user


def as_typed(path: Path) -> str:
    """Return the path as a command needs it here: relative where it lies below the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
