"""The Makefile's promises, by dry run, and that what it installs is locked."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with what make looks at, the environment not made yet."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def dry_run(folder: Path, *args: str) -> str:
    # a make above this one, as in `make test`, would be talked about
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", *args], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def install(folder: Path) -> None:
    (folder / ".venv").mkdir()
    (folder / ".venv/.installed").touch()


@pytest.mark.parametrize("target", ["train", "test", "test-slow", "check", "serve", "docs"])
def test_make_fresh_checkout_installs_locked_versions_first(checkout: Path, target: str):
    lines = dry_run(checkout, target, "PYTHON=python3.12").splitlines()
    assert "python3.12 -m venv .venv" in lines
    assert any("--editable '.[dev]' --constraint constraints.txt" in line for line in lines)


def test_make_installed_checkout_only_runs(checkout: Path):
    install(checkout)
    assert dry_run(checkout, "train").split() == [".venv/bin/python", "main.py", "train", "--config=configs/mnist.ini"]


@pytest.mark.parametrize(("words", "processes"), [((), "2"), (("JOBS=0",), "0")])
def test_make_test_hands_arguments_on_and_shares_files_among_processes(
    checkout: Path, words: tuple[str, ...], processes: str
):
    install(checkout)
    command = dry_run(checkout, "test", "ARGS=tests/config -x", *words).split()
    assert command[:5] == [".venv/bin/python", "-m", "pytest", "-n", processes]
    assert command[-2:] == ["tests/config", "-x"] and "loadfile" in command


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_make_changed_dependencies_installs_again(checkout: Path, changed: str):
    install(checkout)
    stamp = (checkout / ".venv/.installed").stat().st_mtime
    os.utime(checkout / changed, (stamp + 5, stamp + 5))
    assert "pip install" in dry_run(checkout, "test")


def test_make_bench_unknown_bar_names_those_there_are(checkout: Path):
    install(checkout)
    (checkout / "benchmarks").mkdir()
    (checkout / "benchmarks/T1.py").touch()
    (checkout / "benchmarks/T12_store.py").touch()
    assert "no benchmark is named 'T9'; there are: T1 T12_store" in dry_run(checkout, "bench", "BAR=T9")


def test_make_bench_bar_runs_that_script_alone(checkout: Path):
    install(checkout)
    (checkout / "benchmarks").mkdir()
    for name in ("T1.py", "T12_store.py", "_shared.py"):
        (checkout / "benchmarks" / name).touch()
    assert "for script in benchmarks/T1.py;" in dry_run(checkout, "bench", "BAR=T1")
    assert "for script in benchmarks/T12_store.py;" in dry_run(checkout, "bench", "BAR=T12")
    assert "_shared" not in dry_run(checkout, "bench")


def test_constraints_are_exact_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)]


def test_constraints_lock_every_dependency_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    locked = {canonical(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    wanted = {canonical(match[0]) for d in named if (match := re.match(r"[A-Za-z0-9._-]+", d))}
    assert not wanted - locked - {"auto-train"}  # its own extras


def canonical(name: str) -> str:
    """Return a distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
