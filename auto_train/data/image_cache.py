"""What earlier starts have found out about image files: their sha256, and what contents that decode look like.

A cache in one SQLite file of bounded size, safe with several processes. Where it cannot be used, nothing is known.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeVar

from auto_train.data.cache import cache_folder

# Of each table: at about 200, 500 and 100 bytes a row half a gigabyte at most.
MAX_SUMS, MAX_LOOKS, MAX_MASKS = 2_000_000, 1_000_000, 1_000_000
# Values in one question; SQLite before 3.32 takes 999.
_CHUNK = 900

_TABLES = """
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS sums (path BLOB PRIMARY KEY, size INT, written_ns INT, changed_ns INT, sha256 TEXT);
DROP TABLE IF EXISTS looks;
CREATE TABLE IF NOT EXISTS looks_2
    (sha256 TEXT PRIMARY KEY, width INT, height INT, mode TEXT, format TEXT, orientation INT, thumb BLOB, peak INT);
CREATE TABLE IF NOT EXISTS mask_codes
    (digest TEXT PRIMARY KEY, width INT, height INT, bits BLOB, colours BLOB);
DROP TABLE IF EXISTS masks;
"""

# Of a file: its size, the time its content was written as it says, and the time anything of it was changed, ns.
State = tuple[int, int, int]
# Of an image: what data/doctor/look.py sees in it.
Look = tuple[int, int, str, str, int, bytes, int]
# Of a mask: what data/doctor/masks.py sees in it.
MaskLook = tuple[int, int, bytes, bytes]
Result = TypeVar("Result")


def load_sums(paths: Collection[bytes]) -> dict[bytes, tuple[State, str]]:
    """Return what is known of the files of these encoded paths: a state, and the sha256 they had in it."""
    rows = _rows("SELECT * FROM sums WHERE path", paths)
    return {path: ((size, written, changed), sha256) for path, size, written, changed, sha256 in rows}


def remember_sums(sums: Mapping[bytes, tuple[State, str]], *, most_rows: int = MAX_SUMS) -> None:
    """Add what :func:`load_sums` shall return; of more rows than this the oldest are forgotten."""
    _insert("sums", [(path, *state, sha256) for path, (state, sha256) in sums.items()], most_rows)


def load_looks(sha256s: Collection[str]) -> dict[str, Look]:
    """Return what those of these contents look like that have been seen; all of them decode."""
    return {row[0]: row[1:] for row in _rows("SELECT * FROM looks_2 WHERE sha256", sha256s)}


def remember_looks(looks: Mapping[str, Look], *, most_rows: int = MAX_LOOKS) -> None:
    """Add what :func:`load_looks` shall return; of more rows than this the oldest are forgotten."""
    _insert("looks_2", [(sha256, *look) for sha256, look in looks.items()], most_rows)


def load_masks(digests: Collection[str]) -> dict[str, MaskLook]:
    """Return what is known of the masks of these digests; all of them can be read."""
    return {row[0]: row[1:] for row in _rows("SELECT * FROM mask_codes WHERE digest", digests)}


def remember_masks(masks: Mapping[str, MaskLook], *, most_rows: int = MAX_MASKS) -> None:
    """Add what :func:`load_masks` shall return; of more rows than this the oldest are forgotten."""
    _insert("mask_codes", [(digest, *look) for digest, look in masks.items()], most_rows)


def _rows(question: str, values: Collection[str | bytes]) -> list[tuple[Any, ...]]:
    listed = list(values)

    def ask(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
        chunks = [listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK)]
        return [row for chunk in chunks for row in database.execute(f"{question} IN ({_marks(chunk)})", chunk)]

    return _with_database(ask, [])


def _insert(table: str, rows: list[tuple[Any, ...]], most: int) -> None:
    def insert(database: sqlite3.Connection) -> None:
        database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({_marks(rows[0])})", rows)
        # The numbers of rows only grow, also when a row is replaced.
        database.execute(f"DELETE FROM {table} WHERE rowid <= (SELECT max(rowid) FROM {table}) - {most}")

    if rows:
        _with_database(insert, None)


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _with_database(work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
    path = cache_folder() / "known.sqlite"
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.executescript(_TABLES)
            return work(database)
    except sqlite3.OperationalError:
        return otherwise  # locked all the time, or in a folder that can only be read
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)  # damaged
        return otherwise
