import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train.errors import UsageError
from auto_train.runs.lock import lock_run

HOLD = """
import sys, time
from pathlib import Path
from auto_train.runs.lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Yield another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_folder_held_by_another_process_is_refused_naming_it(holder: "subprocess.Popen[str]", tmp_path: Path):
    for _ in range(2):  # to be refused changes nothing
        match = rf"{tmp_path}: this run is being trained by process {holder.pid} on \S+ since .* UTC\n  wait for it"
        with pytest.raises(UsageError, match=match), lock_run(tmp_path):
            pass


def test_lock_of_a_killed_process_does_not_count(holder: "subprocess.Popen[str]", tmp_path: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with lock_run(tmp_path):
        pass
    assert f'"pid": {os.getpid()}' in (tmp_path / ".lock").read_text()


def test_lock_is_not_kept_by_a_worker_that_outlives_its_parent(tmp_path: Path):
    fork = 'pid = __import__("os").fork()\n    if pid: print(pid, flush=True)'
    code = HOLD.replace('print("held", flush=True)', fork)
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    try:
        with lock_run(tmp_path):
            os.kill(child, 0)  # it lives
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_lock_is_free_after_its_block(tmp_path: Path):
    for _ in range(2):
        with lock_run(tmp_path):
            pass


def test_folder_is_locked_within_one_process_too(tmp_path: Path):
    match = f"this run is being trained by this process, {os.getpid()}"
    with lock_run(tmp_path), pytest.raises(UsageError, match=match), lock_run(tmp_path):
        pass


def test_holder_that_has_not_written_yet_is_another_process(holder: "subprocess.Popen[str]", tmp_path: Path):
    (tmp_path / ".lock").write_text("")
    with pytest.raises(UsageError, match="this run is being trained by another process"), lock_run(tmp_path):
        pass
