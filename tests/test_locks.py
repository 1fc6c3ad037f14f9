import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from loguru import logger

from auto_train.locks import hold, is_held, lock_file

HOLD = """
import os, sys
from pathlib import Path
from auto_train.locks import hold
held = hold(Path(sys.argv[1]))
FORK
print(os.getpid(), flush=True)
sys.stdin.read()
"""
OUTLIVE = "if os.fork():\n    import time; time.sleep(60)"


def holder(path: Path, then: str = "") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", HOLD.replace("FORK", then), str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_lock_of_a_killed_process_is_free(tmp_path: Path):
    path = tmp_path / ".lock"
    with holder(path) as process:
        assert process.stdout and process.stdout.readline()
        assert is_held(path) and is_held(path)
        with pytest.raises(TimeoutError):
            hold(path, wait_s=0)
        process.kill()
        process.wait()
        assert not is_held(path)


def test_lock_is_free_at_once_though_a_forked_worker_outlives_its_process(tmp_path: Path):
    path = tmp_path / ".lock"
    with holder(path, OUTLIVE) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        assert is_held(path)
        process.kill()
        process.wait()
        try:
            hold(path, wait_s=0).close()
            os.kill(child, 0)  # it lives
        finally:
            os.kill(child, signal.SIGKILL)


def test_lock_is_not_inherited_by_a_program_that_outlives_its_starter(tmp_path: Path):
    with hold(tmp_path / ".lock"):
        process = subprocess.Popen(["sleep", "60"])
    try:
        assert not is_held(tmp_path / ".lock")
    finally:
        process.kill()
        process.wait()


def test_lock_is_one_for_all_threads_and_may_be_closed_by_another(tmp_path: Path):
    held = hold(tmp_path / ".lock")
    with pytest.raises(TimeoutError):
        hold(tmp_path / ".lock", wait_s=0)
    thread = threading.Thread(target=held.close)
    thread.start()
    thread.join()
    assert not is_held(tmp_path / ".lock")


def test_asking_never_keeps_anybody_from_taking_a_lock(tmp_path: Path):
    path = tmp_path / ".lock"
    path.touch()
    until = time.monotonic() + 0.5

    def ask() -> None:
        while time.monotonic() < until:
            is_held(path)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        hold(path).close()
    for thread in threads:
        thread.join()


def test_lock_that_nobody_took_is_free_and_one_that_cannot_be_asked_is_held(tmp_path: Path):
    assert not is_held(tmp_path / "none")
    (tmp_path / ".lock").mkdir()
    assert is_held(tmp_path / ".lock")


def test_file_system_without_locks_warns_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    told: list[str] = []
    sink = logger.add(told.append, level="WARNING")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold(tmp_path / ".lock"):
        assert is_held(tmp_path / ".lock")
    logger.remove(sink)
    assert len(told) == 1 and str(tmp_path) in told[0] and "locks" in told[0]


def test_file_is_shared_by_readers_and_not_by_a_writer(tmp_path: Path):
    path = tmp_path / "store"
    path.touch()
    with path.open("rb") as one, path.open("rb") as two, path.open("r+b") as writer:
        assert lock_file(one, shared=True) and lock_file(two, shared=True, wait=False)
        assert not lock_file(writer, wait=False)
