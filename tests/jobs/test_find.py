from pathlib import Path

import pytest

from auto_train.errors import ConfigError, MissingError, UsageError
from auto_train.jobs import Jobs, find_job, find_jobs
from tests.jobs.conftest import order


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with two projects that have jobs: one of them in each, a second one in b."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "projects/none").mkdir(parents=True)
    for name, count in {"a": 1, "b": 2}.items():
        jobs = Jobs(tmp_path / "projects" / name / "jobs.sqlite")
        for _ in range(count):
            jobs.submit(order())
            taken = jobs.claim()
            assert taken
            jobs.has_ended(taken.number, state="done", exit_code=0, error="")
            taken.lock.close()
        (tmp_path / f"{name}.ini").write_text(f"[project]\nname = {name}\n")
    return tmp_path


def test_without_an_ini_all_projects_below_the_working_directory_are_meant(here: Path) -> None:
    assert [jobs.path for jobs in find_jobs()] == [here / f"projects/{name}/jobs.sqlite" for name in ("a", "b")]
    assert find_job(2)[1].project == str(here / "projects/b")


def test_ini_means_its_own_project(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_job(1, here / "a.ini")[1].project == str(here / "projects/a")
    monkeypatch.setenv("CONFIG", "b.ini")
    assert find_job(1)[1].project == str(here / "projects/b")
    with pytest.raises(ConfigError, match=r"c\.ini: this file does not exist"):
        find_job(1, "c.ini")


def test_number_that_several_projects_have_asks_which_is_meant(here: Path) -> None:
    with pytest.raises(UsageError, match=r"2 projects have a job 1: .*/a, .*/b\n  name an INI: --config=INI"):
        find_job(1)


def test_number_that_no_project_has_says_where_it_was_looked_for(here: Path) -> None:
    with pytest.raises(MissingError, match=rf"{here}/projects: there is no job 3\n  jobs ls shows .* --config=INI"):
        find_job(3)
