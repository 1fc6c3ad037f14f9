import subprocess
import sys
from pathlib import Path

from auto_train.jobs.lock import NAME, hold, is_held

HOLD = """
import sys, pathlib
from auto_train.jobs.lock import hold
file = hold(pathlib.Path(sys.argv[1]))
print(flush=True)
sys.stdin.read()
"""


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        assert is_held(tmp_path) and is_held(tmp_path)
        process.kill()
        process.wait()
        assert not is_held(tmp_path)


def test_lock_is_not_inherited_by_a_training_that_outlives_its_worker(tmp_path: Path) -> None:
    with hold(tmp_path):
        process = subprocess.Popen(["sleep", "60"])
    try:
        assert not is_held(tmp_path)
    finally:
        process.kill()
        process.wait()


def test_lock_that_nobody_took_is_free_and_one_that_cannot_be_asked_is_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none")
    (tmp_path / NAME).mkdir()
    assert is_held(tmp_path)
