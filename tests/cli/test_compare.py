import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import RunCli, TrainedRun
from tests.reports.test_compare import better
from tests.reports.written import predictions, write_run


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Return two runs, the second of which has 20 images more right and 12 less."""
    table = predictions(300)[0]
    a = write_run(tmp_path / "a", table)
    return a, write_run(tmp_path / "b", better(table, 20, broken=12), epochs=5)


def test_difference_is_printed_for_people(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    done = run_cli("compare", *two)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"A  {two[0]}", f"B  {two[1]}"]
    assert "config  1 keys differ" not in lines and "config  1 key differs" in lines
    assert "data    the same" in lines and "valid   300 images" in lines
    assert any(line.startswith("  accuracy") and "no clear difference" in line for line in lines)
    assert (
        "  20 fixed" in lines and "  12 broken" in lines and "    … 10 more; -o FILE.html and --json show them" in lines
    )


def test_difference_as_json_is_one_object(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    done = run_cli("compare", *two, "--json")
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["type"] == "comparison" and [change["key"] for change in found["config"]] == ["training.scheme.epochs"]
    (split,) = found["splits"]
    assert len(split["flips"]) == 32 and {"low", "high", "verdict"} <= split["metrics"][0].keys()


def test_page_is_written_on_request(run_cli: RunCli, two: tuple[Path, Path], tmp_path: Path) -> None:
    done = run_cli("compare", *two, "-o", tmp_path / "new/compare.html")
    assert done.returncode == 0 and "compare.html" in done.stdout
    assert "Fixed by B" in (tmp_path / "new/compare.html").read_text(encoding="utf-8")


def test_real_run_compared_with_its_copy_has_no_difference(
    run_cli: RunCli, digits_run: TrainedRun, tmp_path: Path
) -> None:
    copy = shutil.copytree(digits_run.folder, tmp_path / "copy", symlinks=True)
    done = run_cli("compare", digits_run.folder, copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert "config  the same" in done.stdout and "data    the same" in done.stdout and "fixed" not in done.stdout


def test_different_rows_are_warned_of(run_cli: RunCli, tmp_path: Path) -> None:
    table = predictions(300)[0]
    a, b = write_run(tmp_path / "a", table), write_run(tmp_path / "b", table.head(200))
    done = run_cli("compare", a, b)
    assert "warning: valid: the runs were measured on different images: 300 in A, 200 in B" in done.stderr
    assert "data    valid 300 → 200" in done.stdout and "  100 only in A" in done.stdout


def test_predictions_that_are_gone_are_exit_6(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    (two[1] / "predictions/valid.csv").unlink()
    done = run_cli("compare", *two)
    assert done.returncode == 6 and "the predictions of this run are missing" in done.stderr


def test_one_run_alone_is_exit_2(run_cli: RunCli, two: tuple[Path, Path]) -> None:
    done = run_cli("compare", two[0])
    assert done.returncode == 2 and "Missing argument 'run_b'" in done.stderr


def test_page_that_cannot_be_written_is_exit_2(run_cli: RunCli, two: tuple[Path, Path], tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "a/STATUS/page.html"):
        done = run_cli("compare", *two, "-o", place)
        assert (
            done.returncode == 2 and f"{place}: cannot be written" in done.stderr and "-o compare.html" in done.stderr
        )
