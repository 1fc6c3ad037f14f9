from pathlib import Path

import pytest

from auto_train.machine.compute import Device
from auto_train.machine.examine import compute_problems, examine, place_problems
from auto_train.machine.places import Place
from tests.machine.conftest import Install

TOO_NEW = "Requires-Dist: typer>=99; extra == 'x'"
CPU = (Device(name="cpu", title="x86_64"),)


def test_examination_of_this_installation_finds_it_whole() -> None:
    found = examine(offline=True)
    assert [problem for problem in found.problems if problem.level == "error"] == []
    assert found.versions["torch"] and found.versions["python"]
    assert found.cores >= 1 and found.memory_mb > found.memory_free_mb > 0
    assert found.extras["wandb"] is None


def test_package_that_is_missing_is_an_error_with_the_command(install: Install) -> None:
    install("auto-train", "0.1.0", "Requires-Dist: gone>=2", "Provides-Extra: x", TOO_NEW)
    error, *warnings = examine(offline=True).problems
    assert (error.level, error.hint) == ("error", "pip install 'gone>=2'")
    assert error.message == "gone is not installed, but gone>=2 is needed (core)"
    assert ("warning", "pip install 'typer>=99'") in [(warning.level, warning.hint) for warning in warnings]


def test_package_under_the_gpl_is_a_warning_that_names_it(install: Install) -> None:
    install("auto-train", "0.1.0", "Requires-Dist: bound", "Requires-Dist: unclear")
    install("bound", "1.0", "License-Expression: GPL-3.0-only")
    install("unclear", "1.0")
    messages = {problem.message for problem in examine(offline=True).problems}
    assert {"licence copyleft: bound", "licence unknown: unclear"} <= messages


@pytest.mark.parametrize(
    ("place", "level", "text"),
    [
        (Place(what="cache", place="a", is_usable=False, note="full"), "error", "cache a: full"),
        (Place(what="cache", place="a", free_mb=20), "warning", "cache a: only 20 MB free"),
        (Place(what="mirror", place="a", is_usable=False, note="gone"), "warning", "mirror a: gone"),
        (Place(what="weights hub", place="a", is_usable=False, note="no"), "warning", "weights hub a: no"),
    ],
)
def test_place_that_is_of_no_use_is_a_problem_with_a_next_step(place: Place, level: str, text: str) -> None:
    (problem,) = place_problems((place, Place(what="mirror", place="b")))
    assert (problem.level, problem.message) == (level, text) and problem.hint


def test_threads_below_the_cores_are_a_warning_where_a_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    messages = [problem.message for problem in compute_problems(8, 1, CPU)]
    assert "torch takes 1 of 8 cores: OMP_NUM_THREADS=1" in messages
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert not [text for problem in compute_problems(8, 1, CPU) if "OMP" in (text := problem.message)]


def test_gpu_that_torch_does_not_see_is_a_warning() -> None:
    messages = [problem.message for problem in compute_problems(1, 1, CPU)]
    assert ("there is an NVIDIA GPU that torch does not see" in messages) == Path("/dev/nvidia0").exists()
