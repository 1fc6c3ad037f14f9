"""What a job is for those who look at it, and what is needed to start one."""

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from auto_train.config import Config
from auto_train.errors import UsageError
from auto_train.types import as_typed

State = Literal["queued", "running", "done", "failed", "stopped"]
# Of the environment a job keeps what a training depends on and is no secret.
KEPT = ("AUTO_TRAIN_MIRROR", "AUTO_TRAIN_CACHE", "AUTO_TRAIN_HUB", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training in the background, as it was when asked for. Plain values only.

    Args:
        id: its number, counted from 1 in each project.
        project: folder of the project, whose ``jobs.sqlite`` it is in.
        state: queued and running are to come to one of the others, which are final.
        command: what a person would type.
        created_at, started_at, ended_at: ISO 8601, UTC.
        pid: of the training, while it runs.
        run: its run folder, once there is one.
        exit_code: of the training; negative for the number of the signal that ended it.
        error: why it failed or stopped, and what to do next.
        stop_requested: it runs, and was asked to save its state and end.
        progress: how far it was last heard to be: the fields of :class:`auto_train.types.Progress`.
        metrics: of the last finished epoch, and of the finished model at the end.
    """

    id: int
    project: str
    state: State
    command: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    pid: int | None = None
    run: str | None = None
    exit_code: int | None = None
    error: str = ""
    stop_requested: bool = False
    progress: dict[str, Any] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.state not in ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be trained.

    Args:
        words: behind ``train``.
        command: what a person would type.
        at_once: how many jobs of the project may run when this one starts, itself included.
        config: text of the INI, which the job keeps, whatever becomes of the file.
        resumes: the words name a run, whose own config is trained; else that one is.
        cwd: where relative paths start.
        environment: variables by name; None: not set.
    """

    words: tuple[str, ...]
    command: str
    at_once: int = 1
    config: str = ""
    resumes: bool = False
    cwd: str = field(default_factory=os.getcwd)
    environment: Mapping[str, str | None] = field(default_factory=lambda: {name: os.environ.get(name) for name in KEPT})

    def __post_init__(self) -> None:
        for word in self.words:
            if "\0" in word or not _is_text(word):
                raise UsageError(f"{word!r} cannot be handed to a process", allowed="text without NUL")


def order_of(
    config: Config,
    overrides: Sequence[str] = (),
    *,
    resume: Path | None = None,
    workers: int = 1,
    offline: bool = False,
) -> Order:
    """Return the order to train what a config describes, or to go on with a run.

    Args:
        config: with the overrides in it; the run's own where one is resumed.
        overrides: ``section.key=value`` each; the run records them as such.
        resume: run folder or checkpoint.
        workers, offline: as the verb ``train`` takes them.
    """
    source = f"--resume={resume}" if resume else f"--config={as_typed(config.path) if config.path else '(in memory)'}"
    more = [*overrides, *([f"--workers={workers}"] if workers != 1 else []), *(["--offline"] if offline else [])]
    return Order(
        words=tuple([source, *more] if resume else more),
        command=_printable(shlex.join(["train", source, *more])),
        at_once=config.training.jobs,
        config=config.to_ini(resolved=False),
        resumes=resume is not None,
    )


def _printable(text: str) -> str:
    """Return the text on one line and without what a terminal would obey."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON may bring it
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class ClaimedJob:
    """A job that this process has to run.

    Args:
        number: its id.
        order: what to start.
        lock: says that its worker lives; close it when the end is written.
    """

    number: int
    order: Order
    lock: ExitStack
