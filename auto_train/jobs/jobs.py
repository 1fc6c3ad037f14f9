"""Jobs: what may be done with the jobs of one project, by any number of processes at a time."""

import codecs
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from auto_train.config import Config
from auto_train.errors import MissingError
from auto_train.files import write_atomically
from auto_train.jobs import files
from auto_train.jobs.job import ClaimedJob, Job, Order
from auto_train.jobs.table import TIMEOUT_S, Table
from auto_train.locks import hold, is_held
from auto_train.runs.read import read_last_metrics, read_status, read_tail
from auto_train.types import to_absolute

FILE = "jobs.sqlite"
# Most jobs that a list has.
LISTED = 100
# Seconds between two looks at a log that is followed.
LOOK_S = 0.5
LARGEST = 2**63 - 1  # of SQLite's integers


class Jobs:
    """The jobs of one project: the table ``jobs.sqlite`` and the folder ``jobs/<id>/`` of each.

    Whoever looks also brings to order what was left behind: jobs whose worker was killed, and a queue that stands
    still. Each call has a connection of its own, so an object may be used by several threads.

    Args:
        path: of the table; it is made with the first job.
        timeout_s: how long to wait for another process that changes it.

    Raises:
        JobsError: every method; the table is locked, damaged, of a newer version, or cannot be written.
    """

    def __init__(self, path: Path | str, *, timeout_s: float = TIMEOUT_S):
        self.path = to_absolute(path)
        self._table = Table(self.path, timeout_s=timeout_s)

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the jobs of the project an INI describes."""
        return cls(to_absolute(config.project.location) / FILE)

    def folder(self, number: int) -> Path:
        """Return where a job's config, log and progress are."""
        return self.path.parent / "jobs" / str(number)

    def _lock(self, number: int) -> Path:
        """Return the lock that a job's worker holds as long as it lives; no process number could be mistaken for it."""
        return self.folder(number) / ".lock"

    # For those who ask for trainings and look at them

    def submit(self, order: Order) -> Job:
        """Put an order at the end of the queue; :meth:`settle` starts it when its turn has come."""
        self._table.create()
        with self._table.changing() as db:
            number = self._next_number(db)
            folder, words = self.folder(number), order.words
            folder.mkdir(parents=True)
            if order.config:
                write_atomically(folder / "config.ini", order.config.encode())
                words = words if order.resumes else (f"--config={folder / 'config.ini'}", *words)
            row = {
                "id": number,
                "command": order.command,
                "words": json.dumps(words),
                "at_once": order.at_once,
                "cwd": order.cwd,
                "environment": json.dumps(dict(order.environment)),
                "created_at": _now(),
            }
            db.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
            return self._job(_row(db, number))

    def get(self, number: int) -> Job:
        """Return one job.

        Raises:
            MissingError: there is none of this number.
        """
        if self._table.exists and 0 < number <= LARGEST:
            self.settle()
            with self._table.reading() as db:
                if row := _row(db, number):
                    return self._job(row)
        raise MissingError(f"there is no job {number}", where=str(self.path), hint="jobs ls shows those there are")

    def list(self, limit: int = LISTED) -> Sequence[Job]:
        """Return the jobs that are queued or running, then those that have ended; of each the newest first.

        Args:
            limit: most of them.
        """
        if not self._table.exists:
            return []
        self.settle()
        order = "state IN ('queued', 'running') DESC, id DESC"
        with self._table.reading() as db:
            rows = db.execute(f"SELECT * FROM jobs ORDER BY {order} LIMIT ?", [limit]).fetchall()
        return [self._job(row) for row in rows]

    def stop(self, number: int) -> Job:
        """Take a job out of the queue, or ask it to save its state and end; one that has ended stays as it is.

        Raises:
            MissingError: there is none of this number.
        """
        if self._table.exists and 0 < number <= LARGEST:
            with self._table.changing() as db:  # before anything is settled: that could start it
                how = [_now(), number]
                db.execute("UPDATE jobs SET state = 'stopped', ended_at = ? WHERE id = ? AND state = 'queued'", how)
                db.execute("UPDATE jobs SET stop_requested = 1 WHERE id = ? AND state = 'running'", [number])
        return self.get(number)

    def logs(self, number: int, last_bytes: int = 200_000) -> str:
        """Return the end of what a job has printed; what is no UTF-8 is replaced.

        Args:
            last_bytes: how much at most.

        Raises:
            MissingError: there is none of this number.
        """
        self.get(number)
        return read_tail(self.folder(number) / files.LOG, last_bytes)

    def follow(self, number: int, *, is_waiting: bool = True) -> Iterator[str]:
        """Yield all that a job has printed, in parts.

        Args:
            is_waiting: go on until the job has ended; else end with what is there.

        Raises:
            MissingError: there is none of this number.
        """
        decoder, at = codecs.getincrementaldecoder("utf-8")("replace"), 0
        while True:
            is_last = self.get(number).is_over or not is_waiting  # before the reading: nothing comes after its end
            while part := files.part(self.folder(number) / files.LOG, at):
                at += len(part)
                yield decoder.decode(part)
            if is_last:
                return
            time.sleep(LOOK_S)

    def settle(self) -> None:
        """End jobs whose worker was killed, and start a worker if a job's turn has come."""
        if not self._table.exists or not os.access(self.path, os.W_OK):
            return
        with self._table.reading() as db:
            is_lost = any(not is_held(self._lock(row["id"])) for row in _list_running(db))
        if is_lost:
            with self._table.changing() as db:
                self._end_lost(db)
        with self._table.reading() as db:
            is_due = _due(db) is not None
        if is_due:
            self._start_worker()

    # For workers

    def claim(self) -> ClaimedJob | None:
        """Take the first job of the queue, if fewer run than it allows; no other worker gets it then."""
        with self._table.changing() as db:
            self._end_lost(db)
            row = _due(db)
            if row is None:
                return None
            self.folder(row["id"]).mkdir(parents=True, exist_ok=True)
            lock = hold(self._lock(row["id"]))
            db.execute("UPDATE jobs SET state = 'running', started_at = ? WHERE id = ?", [_now(), row["id"]])
        order = Order(
            words=tuple(json.loads(row["words"])),
            command=row["command"],
            at_once=row["at_once"],
            cwd=row["cwd"],
            environment=json.loads(row["environment"]),
        )
        return ClaimedJob(number=row["id"], order=order, lock=lock)

    def has_started(self, number: int, pid: int) -> None:
        """Record the process of a job."""
        with self._table.changing() as db:
            db.execute("UPDATE jobs SET pid = ? WHERE id = ?", [pid, number])

    def is_to_stop(self, number: int) -> bool:
        """Tell whether somebody has asked a running job to stop."""
        with self._table.reading() as db:
            row = _row(db, number)
        return bool(row and row["stop_requested"])

    def has_ended(self, number: int, *, state: str, exit_code: int | None, error: str) -> None:
        """Record the end of a running job."""
        with self._table.changing() as db:
            self._end(db, number, state=state, exit_code=exit_code, error=error)

    def _end_lost(self, db: sqlite3.Connection) -> None:
        """End the jobs whose worker is gone, as their runs say."""
        for row in _list_running(db):
            folder = self.folder(row["id"])
            if is_held(self._lock(row["id"])):
                continue
            run = files.run_of(files.read_progress(folder))
            status = read_status(run) if run else ""
            if status == "done":
                self._end(db, row["id"], state="done", exit_code=None, error="")
            elif status == "interrupted" and row["stop_requested"]:
                self._end(db, row["id"], state="stopped", exit_code=None, error=files.describe_next_step(run))
            else:
                error = f"its process ended without a word (killed?)\n  {files.describe_next_step(run)}".strip()
                self._end(db, row["id"], state="failed", exit_code=None, error=error)

    def _end(self, db: sqlite3.Connection, number: int, *, state: str, exit_code: int | None, error: str) -> None:
        values = [state, _now(), exit_code, error, json.dumps(files.read_progress(self.folder(number)))]
        db.execute(
            "UPDATE jobs SET state = ?, ended_at = ?, exit_code = ?, error = ?, progress = ?, pid = NULL "
            "WHERE id = ? AND state = 'running'",
            [*values, number],
        )

    def _next_number(self, db: sqlite3.Connection) -> int:
        """Return a number that no job has, nor the folder of one from before the table was moved away."""
        (last,) = db.execute("SELECT max(id) FROM jobs").fetchone()
        folder = self.path.parent / "jobs"
        used = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []
        return 1 + max([last or 0, *used])

    def _job(self, row: sqlite3.Row) -> Job:
        number, is_running = row["id"], row["state"] == "running"
        told = files.read_progress(self.folder(number)) if is_running else json.loads(row["progress"])
        run = files.run_of(told)
        same = ("id", "state", "command", "created_at", "started_at", "ended_at", "pid", "exit_code", "error")
        values: dict[str, Any] = {name: row[name] for name in same}
        return Job(
            **values,
            project=str(self.path.parent),
            run=str(run) if run else None,
            stop_requested=bool(row["stop_requested"]),
            progress=told,
            metrics=read_last_metrics(run) if run else {},
        )

    def _start_worker(self) -> None:
        """Start a process that takes jobs from the queue until none is due; it outlives this one."""
        imports = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109 - text is wanted
        command = [sys.executable, "-P", "-m", "auto_train.jobs.worker", str(self.path)]  # -P: imports says it all
        folder = self.path.parent / "jobs"
        with suppress(OSError), (folder / "worker.log").open("ab") as errors:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": imports},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # Ctrl-C of this process is none of its business
                check=False,
            )
            if done.returncode == 0:
                return
        from loguru import logger

        logger.warning("no worker could be started for the queued jobs; see {}", folder / "worker.log")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _row(db: sqlite3.Connection, number: int) -> sqlite3.Row | Any:
    return db.execute("SELECT * FROM jobs WHERE id = ?", [number]).fetchone()


def _list_running(db: sqlite3.Connection) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()


def _due(db: sqlite3.Connection) -> sqlite3.Row | Any:
    """Return the first job of the queue if fewer run than it allows."""
    return db.execute(
        "SELECT * FROM jobs WHERE id = (SELECT min(id) FROM jobs WHERE state = 'queued') "
        "AND at_once > (SELECT count(*) FROM jobs WHERE state = 'running')"
    ).fetchone()
