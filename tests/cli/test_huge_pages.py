import os
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train.cli.huge_pages import TUNABLES, is_given_on_request
from tests.conftest import ROOT

needs_request = pytest.mark.skipif(not is_given_on_request(), reason="the system gives huge pages always, or never")


def started(*words: str, **env: str) -> list[str]:
    """Return what a program sees that is started so: number of the process as it was begun and as it is, tunables."""
    code = "import os; print(os.getpid(), os.environ.get('GLIBC_TUNABLES'), flush=True)\n"
    code += "from auto_train.cli import main; main()"
    clean = {name: value for name, value in os.environ.items() if name not in TUNABLES}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=clean | env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return [line for line in done.stdout.splitlines() if line.split(" ")[0].isdigit()]


@needs_request
def test_training_goes_on_in_the_same_process_with_huge_pages(tmp_path: Path) -> None:
    before, after = started("train", f"--config={tmp_path}/none.ini")
    assert before.split(" ") == [after.split(" ")[0], "None"]
    assert after.split(" ")[1] == "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2"


@pytest.mark.parametrize("words", [["train", "--help"], ["validate"], ["--help"]])
def test_other_commands_are_not_started_again(words: list[str]) -> None:
    assert len(started(*words)) == 1


def test_tunables_of_the_user_stay(tmp_path: Path) -> None:
    (line,) = started("train", f"--config={tmp_path}/none.ini", GLIBC_TUNABLES="glibc.malloc.arena_max=2")
    assert line.endswith("glibc.malloc.arena_max=2")
