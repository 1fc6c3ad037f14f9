"""Trainings as processes of their own that start in no time: forked from one that has imported everything."""

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRELOADED = ["auto_train.classification.train", "auto_train.reports.report", "tests.processes"]
_context: Any = None


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A running ``python main.py train …``.

    Attributes:
        process: it; ``exitcode`` is negative for the number of a signal.
        errors: file of its stderr.
    """

    process: Any
    errors: Path

    def kill(self, after_s: float) -> bool:
        """Kill it, unless it has ended before; tell whether it was killed."""
        self.process.join(after_s)
        self.process.kill()
        return self.wait() != 0

    def wait(self, timeout_s: float = 120) -> int:
        """Return its exit code."""
        self.process.join(timeout_s)
        assert self.process.exitcode is not None, self.stderr
        code: int = self.process.exitcode
        return code

    def wait_for(self, path: Path, text: str = "", timeout_s: float = 60) -> None:
        """Wait until a file is there and holds a text."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.process.is_alive():
            if path.is_file() and text in path.read_text(errors="replace"):
                return
            time.sleep(0.005)
        raise AssertionError(f"no '{text}' in {path}: {self.stderr}")

    @property
    def stderr(self) -> str:
        return self.errors.read_text()


def start(folder: Path, *words: str) -> Trainer:
    """Start ``train`` with these words behind it, in this folder."""
    global _context
    if _context is None:
        _context = multiprocessing.get_context("forkserver")
        _context.set_forkserver_preload(PRELOADED)
    errors = folder / f"stderr-{time.monotonic_ns()}.txt"
    process = _context.Process(target=train, args=(folder, errors, words))
    process.start()
    return Trainer(process=process, errors=errors)


def train(folder: Path, errors: Path, words: Sequence[str]) -> None:
    """Be the program: what the child runs."""
    from auto_train.cli.app import main

    os.chdir(folder)
    with errors.open("w", buffering=1) as file:
        os.dup2(file.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr, sys.stdout = os.fdopen(2, "w", buffering=1), os.fdopen(1, "w")
        main(["train", *words])
