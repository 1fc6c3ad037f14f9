"""Sides of a race that write down each step they make, into one file."""

import sys
from pathlib import Path

import pytest
from _race import Side, race, speed_ratio

SIDE = """
import sys
sys.path.insert(0, {folder!r})
from _turn import Turn

name, file, pass_length = sys.argv[1], sys.argv[2], int(sys.argv[3])
turn = Turn(name=name)
while True:
    for _ in range(pass_length):
        with open(file, "a") as out:
            out.write(name)
        turn.step()
    turn.pause()
"""


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """Return the file of the steps; side.py beside it makes them."""
    folder = str(Path(__file__).parents[2] / "benchmarks")
    (tmp_path / "side.py").write_text(SIDE.format(folder=folder), encoding="utf-8")
    return tmp_path / "steps.txt"


def command(diary: Path, name: str, pass_length: int = 1000) -> list[str]:
    return [sys.executable, str(diary.with_name("side.py")), name, str(diary), str(pass_length)]


def test_race_two_sides_move_one_at_a_time(diary: Path):
    sides = {"A": command(diary, "A"), "B": command(diary, "B")}
    times = race(sides, rounds=2, turns=2, steps=3, settle=2, warmup=1)
    warmup = "AA" + "BB"  # one step that does not count, one that does
    turn = "A" * 5 + "B" * 5
    assert diary.read_text() == 2 * (warmup + 2 * turn)
    assert {name: len(seconds) for name, seconds in times.items()} == {"A": 4, "B": 4}
    assert all(0 < seconds < 10 for seconds in times["A"] + times["B"])


def test_side_pass_ends_within_turn_counts_as_many_steps_again(diary: Path):
    with Side(command(diary, "A", pass_length=4)) as side:
        side.ready().run(steps=5, settle=1)
    # of passes of four: 1 to settle and 3 that count | 1 to begin again and 2 that count
    assert diary.read_text() == "A" * 7


def test_side_ready_has_the_facts_of_its_turn(diary: Path):
    with Side(command(diary, "A")) as side:
        assert side.ready().facts == {"name": "A"}


def test_side_that_fails_says_why():
    with (
        Side([sys.executable, "-c", "raise OSError('no such disk')"]) as side,
        pytest.raises(RuntimeError, match=r"ended, or gives no sign of life:[\s\S]*OSError: no such disk"),
    ):
        side.ready()


def test_side_with_processes_of_its_own_leaves_none(tmp_path: Path):
    import psutil

    file = tmp_path / "pid"
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); open(sys.argv[1], 'w').write(f'{p.pid} ')"
    with Side([sys.executable, "-c", f"{code}; p.wait()", str(file)]):
        while not (file.is_file() and file.read_text().endswith(" ")):
            pass
    child = int(file.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_speed_ratio_compares_turn_by_turn():
    # the machine was three times slower in the last turns: no matter to a ratio
    times = {"ours": [1.0, 1.0, 1.0, 3.0], "base": [2.0, 2.0, 2.0, 6.0]}
    assert speed_ratio(times, "ours", "base") == (2.0, 2.0, 2.0)
