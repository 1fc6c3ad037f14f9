import os
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from auto_train.jobs import Jobs, Order
from auto_train.jobs.worker import End, Worker
from tests.jobs.conftest import StartWorker, order, wait_until


def pid_of(jobs: Jobs, number: int) -> int:
    """Return the process of a running job, once it has told something."""
    # Not to be asked for before: whoever looks at a queue that stands still starts a worker, which is no stand-in.
    wait_until((jobs.folder(number) / "progress.json").exists)
    wait_until(lambda: jobs.get(number).pid)
    pid = jobs.get(number).pid
    assert pid
    return pid


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return False
    return state != "Z"


def test_worker_runs_the_queue_and_records_how_each_job_ended(jobs: Jobs, program: list[str], tmp_path: Path) -> None:
    for word in ("done", "fail", "crash", "die"):
        jobs.submit(order(word, cwd=tmp_path))
    jobs.submit(order("done", cwd=tmp_path / "gone"))
    Worker(jobs, program=program).work()
    found = {job.id: (job.state, job.exit_code, job.error) for job in jobs.list()}
    assert found == {
        1: ("done", 0, ""),
        2: ("failed", 4, "[project] name: no\n  take another"),
        3: ("failed", 3, "it ended with exit code 3; its log says more"),
        4: ("failed", -9, "its process was killed by SIGKILL; if memory did not suffice: a smaller batch_size"),
        5: ("failed", None, f"cannot be started: No such file or directory: {tmp_path}/gone"),
    }
    assert jobs.logs(1) == "epoch 1/1\nvalid/accuracy  0.5000\ndone, exit code 0\n"
    first = jobs.get(1)
    assert first.progress and first.progress["done"] == 1 and first.pid is None
    assert first.started_at and first.ended_at and first.started_at <= first.ended_at


def test_training_has_the_place_and_the_environment_of_its_order(
    jobs: Jobs, program: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    environment = {"AUTO_TRAIN_MIRROR": "there", "CUDA_VISIBLE_DEVICES": None}
    jobs.submit(Order(words=("environment",), command="", cwd=str(tmp_path), environment=environment))
    Worker(jobs, program=program).work()
    assert f"{{'AUTO_TRAIN_MIRROR': 'there', 'CUDA_VISIBLE_DEVICES': None}} {tmp_path}\n" in jobs.logs(1)


def test_stop_lets_the_training_save_its_state_and_the_next_begins(jobs: Jobs, start_worker: StartWorker) -> None:
    jobs.submit(order("wait", "run"))
    jobs.submit(order("done"))
    worker = start_worker()
    pid = pid_of(jobs, 1)
    assert os.getsid(pid) == pid  # Ctrl-C at the worker's terminal does not reach it
    jobs.stop(1)
    jobs.stop(1)
    assert worker.wait(30) == 0
    first, second = jobs.get(1), jobs.get(2)
    assert (first.state, first.exit_code, first.error) == ("stopped", 130, "stopped: the state is saved")
    assert second.state == "done" and not is_alive(pid)


def test_training_that_somebody_else_terminates_is_stopped(jobs: Jobs, start_worker: StartWorker) -> None:
    jobs.submit(order("wait", "run"))
    worker = start_worker()
    os.kill(pid_of(jobs, 1), signal.SIGTERM)
    assert worker.wait(30) == 0 and jobs.get(1).state == "stopped"


def test_training_that_is_killed_is_failed_with_the_way_to_go_on_and_the_next_begins(
    jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    (tmp_path / "config.ini").touch()
    jobs.submit(order("wait", str(tmp_path)))
    jobs.submit(order("done"))
    worker = start_worker()
    os.kill(pid_of(jobs, 1), signal.SIGKILL)
    assert worker.wait(30) == 0
    found = jobs.get(1)
    assert (found.state, found.exit_code, found.run) == ("failed", -9, str(tmp_path))
    assert found.error.endswith(f"batch_size\n  go on: python main.py train --resume {tmp_path} --detach")
    assert jobs.get(2).state == "done"


def test_training_that_does_not_stop_is_killed_after_a_while(jobs: Jobs, program: list[str]) -> None:
    jobs.submit(order("deaf", "run"))
    thread = threading.Thread(target=Worker(jobs, program=program, grace_s=1).work)
    thread.start()
    pid = pid_of(jobs, 1)
    jobs.stop(1)
    thread.join(30)
    found = jobs.get(1)
    assert (found.state, found.exit_code) == ("stopped", -9) and not is_alive(pid)
    assert found.error == "its process was killed by SIGKILL: it had not saved its state after 1 s"


def test_worker_that_is_killed_takes_its_training_along_and_the_job_is_failed(
    jobs: Jobs, start_worker: StartWorker
) -> None:
    jobs.submit(order("wait", "run"))
    worker = start_worker()
    pid = pid_of(jobs, 1)
    worker.kill()
    worker.wait()
    wait_until(lambda: jobs.get(1).is_over and not is_alive(pid))
    assert jobs.get(1).state == "failed" and "ended without a word (killed?)" in jobs.get(1).error


def test_several_workers_run_each_job_once_one_at_a_time_and_in_order(
    jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    for number in range(6):
        jobs.submit(order("note", str(number), cwd=tmp_path))
    patient = [start_worker() for _ in range(3)]
    for worker in patient:
        assert worker.wait(60) == 0
    lines = (tmp_path / "notes").read_text().split("\n")[:-1]
    assert lines == [f"{what} {number}" for number in range(6) for what in ("begin", "end")]
    assert {job.state for job in jobs.list()} == {"done"}


def test_worker_told_to_end_begins_no_further_job(jobs: Jobs, program: list[str]) -> None:
    jobs.submit(order("done"))
    worker = Worker(jobs, program=program)
    worker.end_after_this(signal.SIGTERM, None)
    worker.work()
    taken = jobs.claim()
    assert taken and taken.number == 1
    taken.lock.close()


def test_end_is_recorded_once_the_table_can_be_written_again(jobs: Jobs) -> None:
    jobs.submit(order("done"))
    taken = jobs.claim()
    assert taken
    with closing(sqlite3.connect(jobs.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(1, other.rollback).start()
        Worker(jobs)._record(1, End(state="done", exit_code=0))
    taken.lock.close()
    assert jobs.get(1).state == "done"
