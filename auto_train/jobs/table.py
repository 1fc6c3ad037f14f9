"""The file jobs.sqlite: one table that several processes read and change at a time. What its rows mean: jobs.py."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from auto_train.errors import JobsError
from auto_train.files import NO_SPACE

VERSION = 1
# In WAL, readers and the one writer do not wait for each other.
SCHEMA = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'stopped')),
    command TEXT NOT NULL,
    words TEXT NOT NULL,
    at_once INTEGER NOT NULL,
    cwd TEXT NOT NULL,
    environment TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    pid INTEGER,
    exit_code INTEGER,
    error TEXT NOT NULL DEFAULT '',
    stop_requested INTEGER NOT NULL DEFAULT 0,
    progress TEXT NOT NULL DEFAULT 'null'
);
CREATE INDEX jobs_by_state ON jobs (state, id);
PRAGMA user_version = {VERSION};
"""
TIMEOUT_S = 10.0
DAMAGED = "move it away, with its -wal and -shm: the list of jobs begins anew, the runs are untouched"
RIGHTS = "correct the rights of the folder, or copy the project to where it may be written"
# By SQLite's primary result codes, https://sqlite.org/rescode.html
HINTS = {
    sqlite3.SQLITE_BUSY: "another process holds it; try again in a moment",
    sqlite3.SQLITE_FULL: "free some space there",
    sqlite3.SQLITE_READONLY: RIGHTS,
    sqlite3.SQLITE_CANTOPEN: RIGHTS,
    sqlite3.SQLITE_PERM: RIGHTS,
    sqlite3.SQLITE_IOERR: "look whether the disk is full or failing",
}


class Table:
    """Connections to the file, each for one reading or change.

    Args:
        path: absolute; the file may not be there yet.
        timeout_s: how long to wait for another process that changes it.
    """

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S):
        self.path, self.timeout_s = path, timeout_s

    @property
    def exists(self) -> bool:
        return self.path.is_file()

    def create(self) -> None:
        """Make the file, unless there is one: whole under another name, so that nobody meets half of it.

        Raises:
            JobsError: it cannot be made.
        """
        if self.exists:
            return
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(3)}.part")
        with _explain_failure(self.path):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(part)) as db:
                    db.executescript(SCHEMA)
                with suppress(FileExistsError):  # another process was faster
                    os.link(part, self.path)
            finally:
                with suppress(OSError):
                    part.unlink()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection.

        Raises:
            JobsError: locked, damaged, of a newer version, or not a table of jobs.
        """
        with _explain_failure(self.path), closing(self._connection()) as db:
            self._check_version(db)
            yield db

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that alone may write until the block ends; an error in the block undoes it.

        Raises:
            JobsError: as when reading; full or not to be written.
        """
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        is_writable = os.access(self.path.parent, os.W_OK) or Path(f"{self.path}-shm").exists()
        # Never makes the file. WAL needs files beside it, but where nobody can write nobody has to be heard of.
        url = f"{self.path.as_uri()}?mode={'rw' if is_writable else 'ro&immutable=1'}"
        db = sqlite3.connect(url, uri=True, timeout=self.timeout_s, isolation_level=None)
        db.row_factory = sqlite3.Row
        return db

    def _check_version(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise JobsError(
                f"a newer version of this program has written the table of jobs: {version}",
                where=str(self.path),
                allowed=f"up to {VERSION}",
                hint="update this program, or set another [project] location",
            )
        if version < VERSION:
            raise JobsError("this is no table of jobs", where=str(self.path), hint=DAMAGED)


@contextmanager
def _explain_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise JobsError(
            f"the table of jobs cannot be used: {error}", where=str(path), hint=HINTS.get(code, DAMAGED)
        ) from error
    except OSError as error:
        place = error.filename or path.parent
        hint = HINTS[sqlite3.SQLITE_FULL] if error.errno in NO_SPACE else RIGHTS
        raise JobsError(f"no job can be kept: {error.strerror}", where=str(place), hint=hint) from error
