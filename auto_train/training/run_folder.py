"""The run folder: everything one training execution writes (INTERFACES, Run folder)."""

import errno
import json
import os
import platform
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from auto_train.errors import AutoTrainError, Interrupted, TrainingError, UsageError
from auto_train.types import as_plain

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LIBRARIES = ("auto-train", "torch", "torchvision", "fastai", "timm", "onnx", "onnxruntime", "numpy", "pillow")


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
    """

    def __init__(self, path: Path):
        self.path, self.checkpoints, self.bundle = path, path / "checkpoints", path / "bundle"

    @classmethod
    def create(cls, location: Path) -> Self:
        """Make ``<location>/runs/<UTC time>-<id>`` and point ``latest`` beside it."""
        runs = location.expanduser().absolute() / "runs"
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        run = cls(runs / name)
        link = runs / f".latest-{name}"
        try:
            run.checkpoints.mkdir(parents=True)
            link.symlink_to(name)
            os.replace(link, runs / "latest")
        except OSError as error:
            raise UsageError(
                f"no run folder can be made: {error.strerror}",
                where=str(runs),
                hint="correct [project] location, or the rights of that folder",
            ) from error
        return run

    def write_json(self, name: str, value: Any) -> Path:
        path = self.path / name
        write_atomically(path, (json.dumps(as_plain(value), indent=2, ensure_ascii=False) + "\n").encode())
        return path

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Append one JSON line to a file of the run (metrics.jsonl, events.jsonl)."""
        try:
            with (self.path / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(as_plain(row), ensure_ascii=False) + "\n")
        except OSError as error:
            raise _unwritable(self.path / name, error) from error

    def event(self, kind: str, **fields: Any) -> None:
        self.append("events.jsonl", {"time": datetime.now(UTC).isoformat(), "event": kind, **fields})

    def set_status(self, status: str) -> None:
        path = self.path / "STATUS"
        try:
            write_atomically(path, f"{status}\n".encode())
        except TrainingError:
            if not path.is_file():
                raise
            # A full disk: the few bytes that the file has already are enough.
            with path.open("r+", encoding="utf-8") as file:
                file.write(f"{status}\n")
                file.truncate()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep STATUS, events and log.txt while the block runs, whatever ends it."""
        from loguru import logger

        sink = logger.add(self.path / "log.txt", format="{time:YYYY-MM-DD HH:mm:ss} {level} {message}", level="INFO")
        self.set_status("running")
        self.event("start", command=sys.argv)
        try:
            with _full_disk_explained(self.path):
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
            self.set_status(status)
            self.event(status, error=str(error) if error else None)
        except (OSError, TrainingError) as second:  # a full disk: what ended the run matters more than its status file
            logger.error("the status could not be written: {}", second)


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside the file, sync and rename, so that a crash leaves the old file whole.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    with replacing(path) as part:
        part.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; what was written there replaces the file when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as RuntimeError
        if isinstance(error, AutoTrainError):
            raise
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _full_disk_explained(folder: Path) -> Iterator[None]:
    """Turn what any library raises on a full disk into the error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise _unwritable(Path(error.filename) if error.filename else folder / "a file", error) from error


def _unwritable(path: Path, error: Exception) -> TrainingError:
    # torch's writer says nothing of the reason
    is_full = not isinstance(error, OSError) or error.errno in NO_SPACE
    reason = error.strerror if isinstance(error, OSError) else "not all of it; is the disk full?"
    return TrainingError(
        f"cannot write {path.name}: {reason}",
        where=str(path.parent.absolute()),
        hint=f"{'free some space there' if is_full else 'correct its rights'}; the files written before are whole",
    )


def environment(extra: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return what a run depends on beyond its config: versions, machine, processor."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
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
