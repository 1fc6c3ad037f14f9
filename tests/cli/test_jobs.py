import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auto_train.jobs import Jobs
from tests.conftest import ROOT, RunCli
from tests.jobs.conftest import order, wait_until
from tests.tiny import write_ini


def job(run_cli: RunCli, *words: str | Path, cwd: Path) -> dict[str, Any]:
    done = run_cli(*words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["type"] == "job"
    return found


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_detached_trainings_run_one_after_another_can_be_followed_and_stopped(
    run_cli: RunCli, digit_files: Path, tmp_path: Path
) -> None:
    ini, jobs = write_ini(tmp_path, digit_files), Jobs(tmp_path / "project/jobs.sqlite")
    detached = run_cli("train", "--config=tiny.ini", "training.scheme.epochs=9999", "--detach", cwd=tmp_path)
    assert detached.returncode == 0, detached.stderr
    assert detached.stdout.splitlines()[1:] == [
        "  follow it: python main.py jobs logs -f 1 --config=project/jobs/1/config.ini",
        "  stop it:   python main.py jobs stop 1 --config=project/jobs/1/config.ini",
    ]
    second = job(run_cli, "train", f"--config={ini}", "--detach", cwd=tmp_path)
    assert (second["id"], second["state"]) == (2, "queued")
    ini.write_text("the second one trains the INI as it was")
    wait_until(lambda: jobs.get(1).metrics, timeout_s=120)
    listed = run_cli("jobs", "ls", cwd=tmp_path, env={"CONFIG": str(jobs.folder(1) / "config.ini")}).stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [["id", "state"], ["2", "queued"], ["1", "running"]]
    assert "train" in listed[2] and "/9999" in listed[2] and listed[2].endswith("epochs=9999")
    kept = jobs.folder(2) / "config.ini"
    stopping = run_cli("jobs", "stop", "1", f"--config={kept}", cwd=tmp_path)
    assert stopping.stdout == "job 1 saves its state and ends; to see when: jobs show 1\n"
    followed = run_cli("jobs", "logs", "1", "--follow", f"--config={kept}", cwd=tmp_path).stdout
    assert "epoch 1/9999" in followed and followed.endswith("stopped, exit code 130\n")
    stopped = jobs.get(1)
    assert stopped.run and (Path(stopped.run) / "STATUS").read_text() == "interrupted\n"
    assert "the state is saved\n  go on: python main.py train --resume project/runs/" in stopped.error
    wait_until(lambda: jobs.get(2).is_over, timeout_s=120)
    done = jobs.get(2)
    assert (done.state, done.exit_code) == ("done", 0) and done.metrics["valid/accuracy"] > 0
    shown = run_cli("jobs", "show", "2", f"--config={kept}", cwd=tmp_path).stdout
    facts = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert (facts["run"], facts["state"], facts["progress"]) == (done.run, "done", "train 1/1")
    assert float(facts["valid/accuracy"]) > 0


@pytest.mark.slow
def test_training_killed_in_the_background_goes_on_there_as_the_message_says(
    run_cli: RunCli, digit_files: Path, tmp_path: Path
) -> None:
    write_ini(tmp_path, digit_files)
    jobs = Jobs(tmp_path / "project/jobs.sqlite")
    words = ("training.scheme.epochs=9999", "--detach")
    assert job(run_cli, "train", "--config=tiny.ini", *words, cwd=tmp_path)["id"] == 1
    wait_until(lambda: jobs.get(1).metrics, timeout_s=120)
    pid = jobs.get(1).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: jobs.get(1).is_over)
    killed = jobs.get(1)
    assert killed.state == "failed" and killed.error.startswith("its process was killed by SIGKILL")
    go_on = killed.error.splitlines()[-1].partition("go on: python main.py ")[2].split()
    again = job(run_cli, *go_on, "training.scheme.epochs=1", cwd=tmp_path)
    assert (again["id"], again["command"]) == (2, f"train --resume={killed.run} training.scheme.epochs=1")
    wait_until(lambda: jobs.get(2).is_over, timeout_s=120)
    assert (jobs.get(2).state, jobs.get(2).run) == ("done", killed.run)


def test_problems_of_a_config_are_told_before_anything_is_queued(run_cli: RunCli, tmp_path: Path) -> None:
    ini = tmp_path / "broken.ini"
    ini.write_text(f"[project]\nlocation = {tmp_path}/project\n[training]\njobs = 0\n")
    done = run_cli("train", f"--config={ini}", "training.scheme.epochs=-1", "--detach")
    assert done.returncode == 2
    assert f"{ini}:4 [training] jobs: '0' is out of range (allowed: int >= 1)" in done.stderr
    assert "training.scheme.epochs: '-1' is out of range" in done.stderr
    missing = run_cli("train", "--resume=latest", "--detach", cwd=tmp_path)
    assert (missing.returncode, "there is no run 'latest'" in missing.stderr) == (6, True)
    assert not (tmp_path / "project").exists()


def test_one_of_several_workers_cannot_detach(run_cli: RunCli, tmp_path: Path) -> None:
    env = {"RANK": "0", "WORLD_SIZE": "2"}
    done = run_cli("train", f"--config={write_ini(tmp_path)}", "--detach", env=env)
    assert done.returncode == 2 and "was told to --detach\n  leave torchrun or srun out" in done.stderr


def test_no_jobs_is_no_error_and_an_unknown_one_is_exit_6(run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli("jobs", "ls", cwd=tmp_path).stdout == "no jobs; train --detach starts one\n"
    assert run_cli("jobs", "ls", "--json", cwd=tmp_path).stdout == ""
    for verb in ("show", "logs", "stop"):
        done = run_cli("jobs", verb, "7", cwd=tmp_path)
        assert (done.returncode, "there is no job 7\n" in done.stderr) == (6, True)
    assert run_cli("jobs", "stop", "x", cwd=tmp_path).returncode == 2
    assert not list(tmp_path.iterdir())


def test_table_that_is_damaged_is_exit_6_with_what_to_do(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "projects/a").mkdir(parents=True)
    (tmp_path / "projects/a/jobs.sqlite").write_bytes(b"no database, " * 100)
    done = run_cli("jobs", "ls", cwd=tmp_path)
    assert done.returncode == 6
    assert done.stderr.startswith(
        f"error: {tmp_path}/projects/a/jobs.sqlite: the table of jobs cannot be used: file is"
    )
    assert "\n  move it away" in done.stderr and "Traceback" not in done.stderr


def test_jobs_of_several_projects_are_told_apart(run_cli: RunCli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        jobs = Jobs(tmp_path / f"projects/{name}/jobs.sqlite")
        jobs.submit(order("x"))
        jobs.stop(1)
    lines = [line.split() for line in run_cli("jobs", "ls", cwd=tmp_path).stdout.splitlines()]
    assert lines == [
        ["id", "state", "progress", "project", "command"],
        ["1", "stopped", "a", "train", "x"],
        ["1", "stopped", "b", "train", "x"],
    ]
    done = run_cli("jobs", "show", "1", cwd=tmp_path)
    assert done.returncode == 2 and "2 projects have a job 1" in done.stderr


def test_jobs_ls_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom auto_train.cli import main\n"
        "try:\n    main(['jobs', 'ls'])\n"
        "except SystemExit:\n    print({'torch', 'numpy', 'pandas', 'fastapi'} & {*sys.modules})"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()"
