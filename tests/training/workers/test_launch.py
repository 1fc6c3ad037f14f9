import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from auto_train.errors import AutoTrainError, ConfigError, TrainingError, UsageError
from auto_train.runs.folder import RunFolder
from auto_train.training.workers.launch import launch
from auto_train.types import Progress

TASKS = "tests.training.workers.launched_tasks"
MAIN = f"""
import sys
from auto_train.training.workers.launch import launch
try:
    launch("{TASKS}:wait", {{"folder": sys.argv[1], "ignores": len(sys.argv) > 2}}, workers=2)
except Exception as error:
    print(type(error).__name__, error, flush=True)
"""


def failing(how: str, run: Path | None = None, *, grace_s: float = 1.0) -> dict[str, Any]:
    """Wait only a second for a first worker that does not notice the other's end."""
    return launch(f"{TASKS}:fail", {"how": how, "run": str(run or "")}, workers=2, grace_s=grace_s)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return False
    return state != "Z"  # dead, and not yet collected by init


def soon(condition: Any, timeout_s: float = 30) -> bool:
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


# A result


def test_launched_workers_give_the_first_ones_result_progress_and_output(capfd: pytest.CaptureFixture[str]):
    told: list[Progress] = []
    warned: list[str] = []
    sink = logger.add(lambda message: warned.append(message.record["message"]))
    found = launch(f"{TASKS}:answer", {"value": {"a": [1, None]}}, workers=2, listener=told.append)
    logger.remove(sink)
    assert found == {"rank": 0, "value": [{"a": [1, None]}, sys.argv, ["2", "0", "2"], ""]}
    assert told == [Progress(stage="train", done=1, total=2, row={"loss": 0.5})]
    assert warned == ["warning of 0"]
    out, err = capfd.readouterr()
    assert out == "stdout of 0\n"
    assert "stderr of 0" in err
    assert "stderr of 1" not in err


def test_first_worker_may_go_on_when_the_others_have_ended():
    assert launch(f"{TASKS}:early", {}, workers=2)["rank"] == 0


def test_no_worker_is_refused():
    with pytest.raises(UsageError, match=r"0 workers \(allowed: 1 or more\)"):
        launch(f"{TASKS}:early", {}, workers=0)


def test_workers_within_a_worker_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="this process is worker 2 of 4 already\n  leave --workers out"):
        launch(f"{TASKS}:early", {}, workers=2)


# Failures


def test_error_of_any_worker_is_raised_as_it_was():
    with pytest.raises(ConfigError) as caught:
        failing("config")
    assert caught.value.problems == ["a.ini:1: first", "a.ini:2: second"]


def test_reason_counts_more_than_what_the_others_noticed_of_it():
    with pytest.raises(TrainingError, match="the loss became nan\n  lower the rate"):
        failing("noticed", grace_s=5.0)


def test_bug_of_a_worker_names_it_and_brings_its_traceback():
    with pytest.raises(RuntimeError, match="worker 2 of 2: KeyError: 'a bug'") as caught:
        failing("bug")
    assert not isinstance(caught.value, AutoTrainError)
    assert 'raise KeyError("a bug")' in "".join(traceback.format_exception(caught.value))


def test_refusal_of_the_system_is_raised_as_such():
    with pytest.raises(OSError, match=r"No space left on device: 'a\.txt'") as caught:
        failing("disk")
    assert caught.value.errno == 28


def test_worker_that_ends_without_a_message_has_its_last_words_shown():
    with pytest.raises(
        TrainingError, match="worker 2 of 2 ended with exit code 3; its last words:\n    the library said"
    ):
        failing("exit")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path)
    run.set_status("running")
    return run


def test_killed_worker_ends_all_with_a_message_and_the_next_step(run: RunFolder):
    began = time.monotonic()
    with pytest.raises(TrainingError) as caught:
        failing("SIGKILL", run.path)
    assert time.monotonic() - began < 30
    assert caught.value.message == "worker 2 of 2 was killed by SIGKILL"
    memory, resume = caught.value.hint.splitlines()
    assert memory == "if memory did not suffice: fewer workers, or a smaller batch_size"
    assert resume == f"  go on: python main.py train --resume {run.path} --workers 2"
    assert run.status == "failed"


def test_crashed_worker_is_told_from_one_that_was_killed(run: RunFolder):
    with pytest.raises(TrainingError, match="worker 2 of 2 was killed by SIGSEGV\n  go on: "):
        failing("SIGSEGV", run.path)


# Signals, and the launcher's own end


class Program:
    """A process that has launched two waiting workers, each with a child of its own."""

    def __init__(self, folder: Path, *args: str):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, str(folder), *args],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        files = [folder / "pids-0", folder / "pids-1"]
        assert soon(lambda: all(file.is_file() and " " in file.read_text() for file in files))
        self.pids = [int(pid) for file in files for pid in file.read_text().split()]

    def end(self, number: int) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]

    def leaves_nothing(self) -> bool:
        return soon(lambda: not any(map(is_alive, self.pids)))


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.process.kill()
    program.process.communicate()
    assert program.leaves_nothing()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_reaches_all_workers_and_the_first_has_time_to_save(program: Program, number: int):
    assert program.end(number) == "Interrupted stopped, says 0\n  resume\n"
    assert (program.folder / "saved").is_file()
    assert program.leaves_nothing()


def test_launcher_that_is_killed_takes_all_workers_along(program: Program):
    assert len(program.pids) == 4 and all(map(is_alive, program.pids))
    program.end(signal.SIGKILL)
    assert program.leaves_nothing()


def test_second_signal_ends_workers_that_ignore_the_first(tmp_path: Path):
    program = Program(tmp_path, "ignores")
    program.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    text = "Interrupted the workers were stopped before they had saved their state"
    assert text in program.end(signal.SIGTERM)
    assert time.monotonic() - began < 20
    assert program.leaves_nothing()


def test_child_of_a_killed_worker_does_not_outlive_it(program: Program):
    os.kill(program.pids[2], signal.SIGKILL)  # the second worker; its child is pids[3]
    assert "worker 2 of 2 was killed by SIGKILL" in program.process.communicate(timeout=60)[0]
    assert program.leaves_nothing()
