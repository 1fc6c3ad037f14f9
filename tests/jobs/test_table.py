import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from auto_train.errors import JobsError
from auto_train.jobs.table import VERSION, Table

INSERT = "INSERT INTO jobs (command, words, at_once, cwd, environment, created_at) VALUES ('', '', 1, '', '', '')"


def counted(table: Table) -> int:
    with table.reading() as db:
        (count,) = db.execute("SELECT count(*) FROM jobs").fetchone()
    return int(count)


@contextmanager
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


@pytest.fixture
def table(tmp_path: Path) -> Table:
    table = Table(tmp_path / "p%20r#o?j" / "jobs.sqlite", timeout_s=0.1)  # no part of a URL
    table.create()
    return table


def test_table_made_by_several_at_once_is_one(tmp_path: Path) -> None:
    table = Table(tmp_path / "project" / "jobs.sqlite")

    def begin() -> None:
        table.create()
        with table.changing() as db:
            db.execute(INSERT)

    threads = [threading.Thread(target=begin) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(table) == 12
    assert [path.name for path in table.path.parent.iterdir() if path.name.startswith(".")] == []


def test_table_is_read_while_another_connection_changes_it(table: Table) -> None:
    with table.changing() as db:
        db.execute(INSERT)
        assert counted(table) == 0
    assert counted(table) == 1


def test_change_that_fails_is_undone(table: Table) -> None:
    def change() -> None:
        with table.changing() as db:
            db.execute(INSERT)
            db.execute("nonsense")

    with pytest.raises(JobsError, match="syntax error"):
        change()
    assert counted(table) == 0


def test_table_locked_by_another_process_says_so(table: Table) -> None:
    with plain(table.path) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(JobsError, match=r"jobs.sqlite: .*database is locked\n  another process holds it; try again"),
            table.changing(),
        ):
            pass


def test_table_of_a_newer_version_is_left_alone(table: Table) -> None:
    with plain(table.path) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    with (
        pytest.raises(JobsError, match=rf"newer version .*: {VERSION + 1} \(allowed: up to {VERSION}\)\n  update"),
        table.changing(),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"no database, " * 1000])
def test_file_that_is_no_table_says_what_to_do(table: Table, content: bytes) -> None:
    table.path.write_bytes(content)
    with pytest.raises(JobsError, match=r"(no table of jobs|not a database)\n  move it away"), table.reading():
        pass
    assert table.path.read_bytes() == content


def test_table_that_is_damaged_says_what_to_do(table: Table) -> None:
    with table.changing() as db:
        for _ in range(500):
            db.execute(INSERT)
    with table.path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 8))
    with pytest.raises(JobsError, match="malformed\n  move it away, with its -wal and -shm"):
        counted(table)


def test_table_of_other_columns_says_what_to_do(tmp_path: Path) -> None:
    with plain(tmp_path / "jobs.sqlite") as other:
        other.execute(f"PRAGMA user_version = {VERSION}")
        other.execute("CREATE TABLE other (x)")
    with pytest.raises(JobsError, match="no such table: jobs\n  move it away"):
        counted(Table(tmp_path / "jobs.sqlite"))


def test_folder_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JobsError, match=f"{tmp_path}/file/project: no job can be kept: Not a directory\n  correct"):
        Table(tmp_path / "file/project/jobs.sqlite").create()
