import sqlite3
import subprocess
import sys

from auto_train.data.cache import cache_folder
from auto_train.data.image_cache import load_looks, load_sums, remember_looks, remember_sums

LOOK = (640, 480, "RGB", "JPEG", 1, bytes(256), 255)


def remember(*names: str, **options: int) -> None:
    remember_looks(dict.fromkeys(names, LOOK), **options)


def test_sums_are_known_by_path():
    paths = [b"/data/a.png", b"/data/\xff.png"]
    remember_sums({path: ((1, 2, 3), f"sum of {i}") for i, path in enumerate(paths)})
    assert load_sums([*paths, b"/data/c.png"]) == {
        paths[0]: ((1, 2, 3), "sum of 0"),
        paths[1]: ((1, 2, 3), "sum of 1"),
    }


def test_sums_of_a_path_are_replaced():
    remember_sums({b"/data/a.png": ((1, 2, 3), "old")})
    remember_sums({b"/data/a.png": ((1, 5, 6), "new")})
    assert load_sums([b"/data/a.png"]) == {b"/data/a.png": ((1, 5, 6), "new")}


def test_looks_known_are_those_remembered():
    remember("a", "b")
    assert load_looks(["b", "c"]) == {"b": LOOK} and load_looks([]) == {}


def test_more_values_than_a_question_takes_are_all_found():
    names = {str(i) for i in range(2500)}
    remember(*names)
    assert set(load_looks(names)) == names


def test_oldest_rows_are_forgotten_beyond_the_bound():
    for age in ("old", "new"):
        remember(*(f"{age} {i}" for i in range(60)), most_rows=100)
    assert len(load_looks([f"new {i}" for i in range(60)])) == 60
    assert set(load_looks([f"old {i}" for i in range(60)])) == {f"old {i}" for i in range(20, 60)}


def test_damaged_file_is_begun_anew():
    remember("a")
    (cache_folder() / "known.sqlite").write_bytes(b"no database" * 1000)
    assert load_looks(["a"]) == {}
    remember("b")
    assert set(load_looks(["a", "b"])) == {"b"}


def test_file_that_cannot_be_written_knows_nothing():
    (cache_folder() / "known.sqlite").mkdir()
    remember("a")
    assert load_looks(["a"]) == {} and load_sums([b"a"]) == {}


WRITE = """
import sys
from auto_train.data.image_cache import remember_looks
for i in range(30):
    remember_looks({f"{sys.argv[1]} {i}": (1, 1, "L", "PNG", 1, b"", 255)})
"""


def test_two_processes_at_once_lose_nothing():
    processes = [subprocess.Popen([sys.executable, "-c", WRITE, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(load_looks([f"{name} {i}" for name in ("a", "b") for i in range(30)])) == 60
    with sqlite3.connect(cache_folder() / "known.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
