import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from auto_train.config import default_config
from auto_train.errors import JobsError, MissingError
from auto_train.jobs import Jobs
from tests.conftest import DiskOf
from tests.jobs.conftest import Claim, order, wait_until


def tell(jobs: Jobs, number: int, **progress: object) -> None:
    (jobs.folder(number) / "progress.json").write_text(json.dumps(progress))


def write_run(folder: Path, status: str) -> Path:
    folder.mkdir()
    (folder / "STATUS").write_text(f"{status}\n")
    (folder / "config.ini").touch()
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "valid/accuracy": 0.5}\n')
    return folder


def test_jobs_are_beside_the_runs_of_a_project(tmp_path: Path) -> None:
    config = default_config(overrides=[f"project.location={tmp_path}/here"])
    assert Jobs.of(config).path == tmp_path / "here" / "jobs.sqlite"


def test_looking_where_there_are_no_jobs_makes_nothing(jobs: Jobs) -> None:
    assert jobs.list() == []
    jobs.settle()
    for number in (0, 1, -1, 2**70):
        for ask in (jobs.get, jobs.stop, jobs.logs):
            with pytest.raises(MissingError, match=f"{jobs.path}: there is no job {number}\n  jobs ls shows"):
                ask(number)
    assert not jobs.path.parent.exists()


def test_job_goes_from_queued_to_running_to_its_end(jobs: Jobs, claim: Claim, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "running")
    submitted = jobs.submit(order("a.b=1"))
    assert (submitted.id, submitted.state, submitted.command) == (1, "queued", "train a.b=1")
    assert submitted.created_at.endswith("+00:00") and submitted.started_at is None and not submitted.is_over
    with claim(jobs).lock:
        jobs.has_started(1, 77)
        tell(jobs, 1, stage="train", done=0.5, total=2, run=str(run))
        running = jobs.get(1)
        assert (running.state, running.pid, running.run) == ("running", 77, str(run))
        assert running.progress and running.progress["done"] == 0.5
        assert running.metrics == {"valid/accuracy": 0.5}
        jobs.has_ended(1, state="done", exit_code=0, error="")
    done = jobs.get(1)
    assert (done.state, done.pid, done.exit_code, done.run) == ("done", None, 0, str(run))
    assert done.ended_at and done.is_over and jobs.list() == [done]


def test_order_comes_back_to_the_worker_as_it_was_given(jobs: Jobs, claim: Claim) -> None:
    given = order("a.b=é\n", at_once=2, config="[project]\nname = ü\n")
    jobs.submit(given)
    taken = claim(jobs)
    kept = jobs.folder(1) / "config.ini"
    assert taken.order.words == (f"--config={kept}", "a.b=é\n")
    assert kept.read_text(encoding="utf-8") == given.config
    assert (taken.order.cwd, taken.order.environment) == (given.cwd, given.environment)


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_jobs_are_claimed_than_run_at_once_and_in_their_order(jobs: Jobs, claim: Claim, at_once: int) -> None:
    for _ in range(4):
        jobs.submit(order(at_once=at_once))
    taken = [claim(jobs) for _ in range(at_once)]
    assert [one.number for one in taken] == list(range(1, at_once + 1))
    assert jobs.claim() is None
    jobs.has_ended(1, state="done", exit_code=0, error="")
    assert claim(jobs).number == at_once + 1


def test_job_of_a_larger_limit_does_not_overtake(jobs: Jobs, claim: Claim) -> None:
    for at_once in (1, 1, 5):
        jobs.submit(order(at_once=at_once))
    first = claim(jobs)
    assert first.number == 1 and jobs.claim() is None


def test_list_has_what_is_open_first_and_is_bounded(jobs: Jobs, claim: Claim) -> None:
    jobs.submit(order())
    running = claim(jobs)
    with closing(sqlite3.connect(jobs.path)) as db, db:
        columns = "state, command, words, at_once, cwd, environment, created_at, ended_at"
        values = "'done', '', '[]', 1, '', '{}', '2026-01-01', '2026-01-02'"
        db.executemany(f"INSERT INTO jobs (id, {columns}) VALUES (?, {values})", [[n] for n in range(2, 1002)])
    last = jobs.submit(order())
    assert [job.id for job in jobs.list(limit=4)] == [last.id, running.number, 1001, 1000]
    assert len(jobs.list()) == 100 and len(jobs.list(limit=5000)) == 1002


def test_number_of_a_folder_that_is_there_is_not_taken_again(jobs: Jobs) -> None:
    jobs.submit(order())
    jobs.submit(order())
    jobs.path.unlink()
    assert jobs.submit(order()).id == 3


def test_stop_takes_a_queued_job_out_and_asks_a_running_one(jobs: Jobs, claim: Claim) -> None:
    jobs.submit(order())
    jobs.submit(order())
    running = claim(jobs)
    assert jobs.stop(2).state == "stopped"
    for _ in range(2):
        asked = jobs.stop(1)
        assert (asked.state, asked.stop_requested) == ("running", True)
    assert jobs.is_to_stop(1)
    jobs.has_ended(running.number, state="stopped", exit_code=130, error="the state is saved")
    ended = jobs.stop(1)
    assert (ended.state, ended.error, ended.exit_code) == ("stopped", "the state is saved", 130)
    assert jobs.stop(2) == jobs.get(2) and jobs.claim() is None


@pytest.mark.parametrize(
    ("status", "is_asked", "state"),
    [
        ("done", False, "done"),
        ("done", True, "done"),
        ("interrupted", True, "stopped"),
        ("interrupted", False, "failed"),
        ("running", True, "failed"),
    ],
)
def test_job_whose_worker_is_gone_ends_as_its_run_did(
    jobs: Jobs, claim: Claim, tmp_path: Path, status: str, is_asked: bool, state: str
) -> None:
    run = write_run(tmp_path / "run", status)
    jobs.submit(order())
    taken = claim(jobs)
    tell(jobs, 1, run=str(run))
    if is_asked:
        jobs.stop(1)
    taken.lock.close()
    found = jobs.get(1)
    assert (found.state, found.run) == (state, str(run))
    if state == "failed":
        go_on = f"go on: python main.py train --resume {run} --detach"
        assert found.error == f"its process ended without a word (killed?)\n  {go_on}"


def test_job_that_was_lost_before_it_had_a_run_is_failed_and_the_next_is_claimed(jobs: Jobs, claim: Claim) -> None:
    jobs.submit(order())
    jobs.submit(order())
    claim(jobs).lock.close()
    assert claim(jobs).number == 2
    assert jobs.get(1).error == "its process ended without a word (killed?)"


def test_lost_job_whose_folder_was_removed_is_failed(jobs: Jobs, claim: Claim) -> None:
    jobs.submit(order())
    claim(jobs)
    (jobs.folder(1) / ".lock").unlink()
    jobs.folder(1).rmdir()
    assert jobs.get(1).state == "failed" and jobs.logs(1) == ""


def test_settle_goes_on_with_a_queue_that_stands_still(jobs: Jobs, claim: Claim, tmp_path: Path) -> None:
    jobs.submit(order(cwd=tmp_path))
    claim(jobs).lock.close()
    for _ in range(2):
        jobs.submit(order("--config=gone.ini", cwd=tmp_path))
    Jobs(jobs.path).settle()  # as a service does that is started again
    wait_until(lambda: jobs.list()[0].is_over)
    second, third = jobs.get(2), jobs.get(3)
    assert (second.state, second.exit_code, third.state) == ("failed", 2, "failed")
    assert second.error == f"{tmp_path}/gone.ini: this file does not exist"
    assert "error: " in jobs.logs(2) and jobs.logs(2).endswith("failed, exit code 2\n")
    assert (jobs.path.parent / "jobs/worker.log").read_text() == ""


def test_log_is_followed_to_the_end_of_the_job_and_split_characters_stay_whole(jobs: Jobs, claim: Claim) -> None:
    jobs.submit(order())
    claim(jobs)
    log = jobs.folder(1) / "log.txt"
    log.write_bytes("café"[:4].encode()[:-1])
    assert "".join(jobs.follow(1, is_waiting=False)) == "caf"
    parts = jobs.follow(1)
    assert next(parts) == "caf"
    log.write_bytes("café\n".encode() + b"\xff")
    jobs.has_ended(1, state="done", exit_code=0, error="")
    assert "".join(parts) == "é\n\ufffd"


def test_jobs_on_a_read_only_disk_can_be_looked_at(disk_of: DiskOf, claim: Claim) -> None:
    disk = disk_of(4)
    jobs = Jobs(disk / "jobs.sqlite")
    jobs.submit(order())
    claim(jobs).lock.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert [job.state for job in jobs.list()] == ["running"]
    with pytest.raises(JobsError, match="readonly database\n  correct the rights of the folder"):
        jobs.stop(1)
    with pytest.raises(JobsError, match=f"{disk}/jobs/2: no job can be kept: Read-only file system\n  correct"):
        jobs.submit(order())


def test_jobs_on_a_full_disk_are_refused_and_go_on_when_it_has_room(disk_of: DiskOf, claim: Claim) -> None:
    disk = disk_of(1)
    jobs = Jobs(disk / "jobs.sqlite")
    jobs.submit(order())
    taken = claim(jobs)
    with pytest.raises(OSError, match="No space left"):
        (disk / "filler").write_bytes(bytes(2**20))
    with pytest.raises(JobsError, match=r"(full|disk I/O error|No space)[^\n]*\n  (free some space|look whether)"):
        jobs.submit(order())
    (disk / "filler").unlink()
    assert jobs.get(1).state == "running" and jobs.submit(order()).state == "queued"
    taken.lock.close()
