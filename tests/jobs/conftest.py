"""Jobs whose trainings are small scripts: each does the one thing that a test is about."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from auto_train.jobs import Jobs, Order
from auto_train.jobs.jobs import ClaimedJob

# The training: does what its first word says. Its end of stdin is its worker's end, as for a real one.
STAND_IN = """
import json, os, signal, sys, threading, time

what, folder = sys.argv[1], sys.argv[-1].partition("=")[2]

def say(**fields):
    print(json.dumps(fields), flush=True)

def end(*signal):
    say(type="error", message="stopped: the state is saved")
    os._exit(130)

def end_with_stdin():
    sys.stdin.read()
    os._exit(99)

def tell(**progress):
    with open(f"{folder}/progress.json", "w") as file:
        json.dump(progress, file)

threading.Thread(target=end_with_stdin, daemon=True).start()
print("epoch 1/1", file=sys.stderr, flush=True)
if what == "done":
    tell(stage="train", done=1, total=1, run="none")
    say(type="run", metrics={"valid/accuracy": 0.5})
elif what == "note":
    with open("notes", "a") as file:
        file.write(f"begin {sys.argv[2]}\\n")
        file.flush()
        time.sleep(0.1)
        file.write(f"end {sys.argv[2]}\\n")
elif what == "environment":
    print({name: os.environ.get(name) for name in ("AUTO_TRAIN_MIRROR", "CUDA_VISIBLE_DEVICES")}, os.getcwd())
elif what == "fail":
    say(type="error", message="[project] name: no\\n  take another")
    sys.exit(4)
elif what == "crash":
    sys.exit(3)
elif what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN if what == "deaf" else end)
    tell(stage="train", done=1.5, total=3, run=sys.argv[2])
    time.sleep(60)
"""
WORKER = """
import sys
from auto_train.jobs import Jobs
from auto_train.jobs.worker import Worker

Worker(Jobs(sys.argv[1]), program=sys.argv[2:]).work()
"""
Claim = Callable[[Jobs], ClaimedJob]
StartWorker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Return the jobs of a project that has none yet."""
    return Jobs(tmp_path / "project" / "jobs.sqlite", timeout_s=0.2)


@pytest.fixture
def claim() -> Iterator[Claim]:
    """Return a function that takes the next job as a worker does, whose end comes with that of the test."""
    with ExitStack() as locks:

        def take(jobs: Jobs) -> ClaimedJob:
            found = jobs.claim()
            assert found is not None
            locks.enter_context(found.lock)
            return found

        yield take


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the stand-in for ``python -m auto_train train``."""
    script = tmp_path_factory.mktemp("program") / "stand_in.py"
    script.write_text(STAND_IN)
    return [sys.executable, str(script)]


@pytest.fixture
def start_worker(jobs: Jobs, program: list[str]) -> Iterator[StartWorker]:
    """Return a function that starts a worker as a process, which is killed at the end of the test."""
    started = []

    def start() -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([sys.executable, "-c", WORKER, str(jobs.path), *program]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def order(*words: str, at_once: int = 1, config: str = "", cwd: Path | None = None) -> Order:
    """Return an order for the stand-in."""
    place = {"cwd": str(cwd)} if cwd else {}
    return Order(words=words, command=" ".join(["train", *words]), at_once=at_once, config=config, **place)


def wait_until(is_so: Callable[[], object], timeout_s: float = 30) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
