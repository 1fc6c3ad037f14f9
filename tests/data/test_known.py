import sqlite3
import subprocess
import sys

from auto_train.data.cache import cache_folder
from auto_train.data.known import known_readable, known_sums, remember_readable, remember_sums


def test_sums_are_known_by_path():
    paths = [b"/data/a.png", b"/data/\xff.png"]
    remember_sums({path: ((1, 2, 3), f"sum of {i}") for i, path in enumerate(paths)})
    assert known_sums([*paths, b"/data/c.png"]) == {
        paths[0]: ((1, 2, 3), "sum of 0"),
        paths[1]: ((1, 2, 3), "sum of 1"),
    }


def test_sums_of_a_path_are_replaced():
    remember_sums({b"/data/a.png": ((1, 2, 3), "old")})
    remember_sums({b"/data/a.png": ((1, 5, 6), "new")})
    assert known_sums([b"/data/a.png"]) == {b"/data/a.png": ((1, 5, 6), "new")}


def test_contents_known_as_readable_are_those_remembered():
    remember_readable(["a", "b"])
    assert known_readable(["b", "c"]) == {"b"} and known_readable([]) == set()


def test_more_values_than_a_question_takes_are_all_found():
    names = {str(i) for i in range(2500)}
    remember_readable(names)
    assert known_readable(names) == names


def test_oldest_rows_are_forgotten_beyond_the_bound():
    for age in ("old", "new"):
        remember_readable([f"{age} {i}" for i in range(60)], most_rows=100)
    assert len(known_readable([f"new {i}" for i in range(60)])) == 60
    assert known_readable([f"old {i}" for i in range(60)]) == {f"old {i}" for i in range(20, 60)}


def test_damaged_file_is_begun_anew():
    remember_readable(["a"])
    (cache_folder() / "known.sqlite").write_bytes(b"no database" * 1000)
    assert known_readable(["a"]) == set()
    remember_readable(["b"])
    assert known_readable(["a", "b"]) == {"b"}


def test_file_that_cannot_be_written_knows_nothing():
    (cache_folder() / "known.sqlite").mkdir()
    remember_readable(["a"])
    assert known_readable(["a"]) == set() and known_sums([b"a"]) == {}


WRITE = """
import sys
from auto_train.data.known import remember_readable
for i in range(30):
    remember_readable([f"{sys.argv[1]} {i}"])
"""


def test_two_processes_at_once_lose_nothing():
    processes = [subprocess.Popen([sys.executable, "-c", WRITE, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(known_readable([f"{name} {i}" for name in ("a", "b") for i in range(30)])) == 60
    with sqlite3.connect(cache_folder() / "known.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
