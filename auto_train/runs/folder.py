"""The run folder: everything one training execution writes (INTERFACES, Run folder)."""

import json
import os
import platform
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from auto_train.cores import num_cores
from auto_train.errors import Interrupted, MissingError, TrainingError, UsageError
from auto_train.files import (
    append_line,
    cut_torn_line,
    explain_full_disk,
    remove,
    replace_link,
    write_atomically,
)
from auto_train.runs.lock import lock_run
from auto_train.runs.read import EVENTS, METRICS, STATUS, read_status
from auto_train.types import as_plain, as_typed

LIBRARIES = ("auto-train", "torch", "torchvision", "fastai", "timm", "onnx", "onnxruntime", "numpy", "pillow")
NAME_ONE = "name a folder below <project.location>/runs/, or latest"


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What a training left.

    Attributes:
        run: the run folder.
        bundle: the portable model in it.
        weights: the state_dict at output_path.
        metrics: final metrics by name, ``valid/accuracy`` and so on.
        report: the report page, None where there is none.
        seconds: wall time of the whole training, evaluation and export included.
        train_seconds: wall time of the training loop alone.
        warnings: what the user should know, one sentence each.
    """

    run: Path
    bundle: Path
    weights: Path
    metrics: dict[str, float]
    report: Path | None
    seconds: float
    train_seconds: float
    warnings: tuple[str, ...] = ()


class RunFolder:
    """Paths and writers of one run.

    Attributes:
        path: the folder.
        checkpoints: the folder of ``last.ckpt`` and ``best.ckpt``.
        bundle: the folder of the portable model.
        has_begun: whether this process has begun to train it.
    """

    def __init__(self, path: Path):
        self.path, self.checkpoints, self.bundle = path, path / "checkpoints", path / "bundle"
        self.has_begun = False

    @classmethod
    def create(cls, location: Path) -> Self:
        """Make ``<location>/runs/<UTC time>-<id>`` and point ``latest`` beside it."""
        runs = location.expanduser().absolute() / "runs"
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        run = cls(runs / name)
        try:
            run.checkpoints.mkdir(parents=True)
            replace_link(runs / "latest", name)
        except OSError as error:
            raise UsageError(
                f"no run folder can be made: {error.strerror}",
                where=str(runs),
                hint="correct [project] location, or the rights of that folder",
            ) from error
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the run at a path.

        Raises:
            MissingError: there is nothing.
            UsageError: it is no run folder, or of a run that ended before its config was written.
        """
        path = path.resolve()
        if not path.is_dir():
            raise MissingError("there is no such run", where=str(path), hint=NAME_ONE)
        if not (path / "checkpoints").is_dir():
            near = [at for at in (path / "latest", path / "runs" / "latest", path.parent) if _is_run(at)]
            hint = f"did you mean {near[0]}?" if near else NAME_ONE
            raise UsageError("this is no run folder", where=str(path), hint=hint)
        if not _is_run(path):
            message = "this run was ended before its config was written: there is nothing to go on with"
            raise UsageError(message, where=str(path), hint="start it again with --config=INI")
        return cls(path)

    @property
    def status(self) -> str:
        """The one word in STATUS: running, done, interrupted, failed; "" where there is none."""
        return read_status(self.path)

    @property
    def shown(self) -> str:
        """The path as a command needs it here: relative where it lies below the working directory."""
        return as_typed(self.path)

    def hold(self) -> AbstractContextManager[None]:
        """Hold the run while the block runs, see lock.py."""
        return lock_run(self.path)

    def clean(self) -> None:
        """Remove what a killed process has left half written: temporary files, and a last line without its end."""
        for part in list(self.path.rglob(".*.part")):
            remove(part)
        for log in (METRICS, EVENTS):
            cut_torn_line(self.path / log)

    def write_json(self, name: str, value: Any) -> Path:
        path = self.path / name
        write_atomically(path, (json.dumps(as_plain(value), indent=2, ensure_ascii=False) + "\n").encode())
        return path

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Append one JSON line to a file of the run (metrics.jsonl, events.jsonl)."""
        append_line(self.path / name, json.dumps(as_plain(row), ensure_ascii=False))

    def event(self, kind: str, **fields: Any) -> None:
        self.append(EVENTS, {"time": datetime.now(UTC).isoformat(), "event": kind, **fields})

    def set_status(self, status: str) -> None:
        path = self.path / STATUS
        try:
            write_atomically(path, f"{status}\n".encode())
        except TrainingError:
            if not path.is_file():
                raise
            # A full disk: the few bytes that the file has already are enough.
            with path.open("r+", encoding="utf-8") as file:
                file.write(f"{status}\n")
                file.truncate()

    def begin(self) -> None:
        """Say that the training of this run is under way: what ends it from here on is its new STATUS."""
        self.set_status("running")
        self.has_begun = True

    @contextmanager
    def recording(self, *, resumed: bool = False) -> Iterator[None]:
        """Keep STATUS, events and log.txt while the block runs, whatever ends it.

        Args:
            resumed: the run keeps the STATUS it has until :meth:`begin`: a resume that is refused changes nothing.
        """
        from loguru import logger

        sink = logger.add(self.path / "log.txt", format="{time:YYYY-MM-DD HH:mm:ss} {level} {message}", level="INFO")
        if not resumed:
            self.begin()
        self.event("start", command=sys.argv, cwd=str(Path.cwd()), host=platform.node(), pid=os.getpid())
        try:
            with explain_full_disk(self.path):
                yield
        except BaseException as error:
            self._end("interrupted" if isinstance(error, KeyboardInterrupt | Interrupted) else "failed", error)
            raise
        else:
            self._end("done")
        finally:
            with suppress(OSError):  # of its last lines, on a full disk
                logger.remove(sink)

    def _end(self, status: str, error: BaseException | None = None) -> None:
        from loguru import logger

        if error is not None:
            # For log.txt; the caller shows the error itself.
            logger.info("{}: {}", type(error).__name__, error)
        try:
            if self.has_begun:
                self.set_status(status)
            self.event(status, error=str(error) if error else None)
        except (OSError, TrainingError) as second:  # a full disk: what ended the run matters more than its status file
            logger.error("the status could not be written: {}", second)


def _is_run(path: Path) -> bool:
    return (path / "config.ini").is_file() and (path / "checkpoints").is_dir()


class SilentFolder(RunFolder):
    """The run folder of a worker that is not the first: reads there, and writes nothing."""

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def clean(self) -> None:
        pass

    def write_json(self, name: str, value: Any) -> Path:
        return self.path / name

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        pass

    def set_status(self, status: str) -> None:
        pass

    @contextmanager
    def recording(self, *, resumed: bool = False) -> Iterator[None]:
        yield


def environment(extra: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return what a run depends on beyond its config: versions, machine, processor."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": num_cores(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        **extra,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def all_warnings(*groups: Sequence[str]) -> tuple[str, ...]:
    """Return the warnings of all groups, each once, in order."""
    return tuple(dict.fromkeys(warning for group in groups for warning in group))
