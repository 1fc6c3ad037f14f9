"""The command line as processes of their own that start in no time: forked from one that has imported everything."""

import multiprocessing
import os
import random
import resource
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

import pytest

PRELOADED = [
    "fastapi",
    "jsonschema",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "torch.onnx._internal.exporter._core",  # what the first export would import
    "sklearn.datasets",
    "uvicorn",
    "auto_train.classification.train",
    "auto_train.reports.report",
    "tests.processes",
]
# One thread and one arena: what a training takes of its address space is then much the same on every machine.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A running ``python main.py train …``.

    Attributes:
        process: it; ``exitcode`` is negative for the number of a signal.
        errors: file of its stderr; that of its stdout is beside it.
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

    def wait_for(self, run_of: Callable[[Path], Path], folder: Path, name: str, timeout_s: float = 60) -> None:
        """Wait until a file of the run is there.

        Args:
            run_of: finds the run in the folder; there may be none yet.
            name: relative to the run.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.process.is_alive():
            if (run_of(folder) / name).exists():
                return
            time.sleep(0.005)
        raise AssertionError(f"there is no {name}: {self.stderr}")

    @property
    def stderr(self) -> str:
        return self.errors.read_text()

    @property
    def stdout(self) -> str:
        return self.errors.with_suffix(".out").read_text()


def start(folder: Path, *words: str, memory_mb: int | None = None) -> Trainer:
    """Start ``train`` with these words behind it, in this folder.

    Args:
        memory_mb: most memory it may take beyond what the imports have taken.
    """
    return _started(folder, folder, ["train", *words], ENVIRONMENT, memory_mb)


def run(
    words: Sequence[str], cwd: Path, output: Path, env: Mapping[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run the program to its end.

    Args:
        output: folder for what it prints.
        env: what differs from this process's environment; packages in PYTHONPATH are found.
    """
    program = _started(cwd, output, words, env, None)
    program.process.join(timeout_s)
    if program.process.exitcode is None:
        program.process.kill()
        raise subprocess.TimeoutExpired(list(words), timeout_s, program.stdout, program.stderr)
    done = subprocess.CompletedProcess(list(words), program.wait(), program.stdout, program.stderr)
    program.process.close()
    return done


def _started(cwd: Path, output: Path, words: Sequence[str], env: Mapping[str, str], memory_mb: int | None) -> Trainer:
    errors = output / f"stderr-{time.monotonic_ns()}.txt"
    errors.touch()
    errors.with_suffix(".out").touch()
    process = _server().Process(target=be_the_program, args=(cwd, errors, words, {**os.environ, **env}, memory_mb))
    process.start()
    return Trainer(process=process, errors=errors)


@cache
def _server() -> Any:
    """Return where processes are forked, started in an environment of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        ensure_running()
    return context


def be_the_program(
    folder: Path, errors: Path, words: Sequence[str], environment: Mapping[str, str], memory_mb: int | None
) -> None:
    """Be ``python main.py WORDS``: what the child runs."""
    from auto_train.cli.app import main

    if memory_mb is not None:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory_mb * 2**20, resource.RLIM_INFINITY))
    random.seed()  # the server's state is that of every child
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with errors.open("w") as file, errors.with_suffix(".out").open("w") as out:
        os.dup2(file.fileno(), 2)
        os.dup2(out.fileno(), 1)
    sys.argv = ["main.py", *words]
    find_packages(environment.get("PYTHONPATH", ""))
    main(words)


def find_packages(pythonpath: str) -> None:
    """Do with PYTHONPATH what an interpreter does when it starts."""
    folders = [folder for folder in pythonpath.split(os.pathsep) if folder]
    sys.path[:0] = folders
    for folder in folders:
        if (custom := Path(folder, "sitecustomize.py")).is_file():
            runpy.run_path(str(custom))
