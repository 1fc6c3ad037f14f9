import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import RunCli, TrainedRun
from tests.reports.written import predictions, write_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a working directory with one finished run, and ``latest`` pointing at it."""
    runs = tmp_path / "projects/pets/runs"
    write_run(runs / "20260102-030405-abcdef", *predictions())
    (runs / "latest").symlink_to("20260102-030405-abcdef")
    return tmp_path


def test_report_of_a_real_run_is_made_again(run_cli: RunCli, digits_run: TrainedRun, tmp_path: Path) -> None:
    run = shutil.copytree(digits_run.folder, tmp_path / "run", symlinks=True)
    for name in ("report.html", "report.json", "junit.xml"):
        (run / name).unlink()
    done = run_cli("report", run)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert f"status   done\nreport   {run}/report.html\n" in done.stdout and "valid/accuracy" in done.stdout
    assert all((run / name).is_file() for name in ("report.html", "report.json", "junit.xml"))


def test_report_of_the_latest_run_is_found(run_cli: RunCli, project: Path) -> None:
    done = run_cli("report", "latest", "--json", cwd=project)
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["type"], found["status"]) == ("report", "done")
    assert Path(found["report"]).is_file() and Path(found["run"]).name == "20260102-030405-abcdef"
    assert 0 < found["metrics"]["valid/accuracy"] < 1


def test_unfinished_run_is_reported_with_a_warning(run_cli: RunCli, project: Path) -> None:
    run = (project / "projects/pets/runs/latest").resolve()
    (run / "STATUS").write_text("failed\n")
    (run / "evaluation.json").unlink()
    (run / "metrics.jsonl").write_text("")
    done = run_cli("report", "latest", cwd=project)
    assert done.returncode == 0 and "warning: This run failed: 0 epochs are done" in done.stderr


def test_report_of_no_run_is_exit_6_and_says_how_to_name_one(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("report", "latest", cwd=tmp_path)
    assert done.returncode == 6
    assert "there is no run 'latest'\n  name its INI, --config=INI latest, or its folder" in done.stderr


def test_report_of_a_damaged_run_is_exit_3_and_names_the_line(run_cli: RunCli, project: Path) -> None:
    metrics = project / "projects/pets/runs/latest/metrics.jsonl"
    metrics.write_text("no json\n" + metrics.read_text())
    done = run_cli("report", "latest", cwd=project)
    assert done.returncode == 3 and "metrics.jsonl:1: is no JSON" in done.stderr and "Traceback" not in done.stderr


def test_report_loads_no_torch(project: Path, run_cli: RunCli) -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom auto_train.actions import report, compare\n"
        "report('latest'); compare('latest', 'latest')\nprint(sorted({'torch', 'fastai', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
