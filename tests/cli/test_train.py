import json
from pathlib import Path

from tests.conftest import RunCli, TrainedRun


def test_train_with_json_prints_the_run_on_stdout_and_epochs_on_stderr(digits_run: TrainedRun) -> None:
    objects = [json.loads(line) for line in digits_run.process.stdout.splitlines()]
    assert {found["type"] for found in objects} <= {"run", "warning"}
    run = objects[-1]
    assert Path(run["run"]) == digits_run.folder
    assert Path(run["bundle"]) == digits_run.bundle
    assert run["metrics"]["valid/accuracy"] > 0
    epochs = [line for line in digits_run.process.stderr.splitlines() if line.startswith("train ") and "/3" in line]
    assert len(epochs) == 3


def test_every_problem_of_a_config_is_shown_at_once(run_cli: RunCli, tmp_path: Path) -> None:
    ini = tmp_path / "broken.ini"
    ini.write_text("[training.scheme]\nepochs = many\nbatch_size = 0\n")
    done = run_cli("train", f"--config={ini}")
    assert done.returncode == 2
    assert f"{ini}:2 [training.scheme] epochs" in done.stderr
    assert f"{ini}:3 [training.scheme] batch_size" in done.stderr


def test_task_that_contradicts_the_ini_is_exit_2(run_cli: RunCli, tmp_path: Path) -> None:
    ini = tmp_path / "other.ini"
    ini.write_text("[project]\ntype = poetry\n")
    done = run_cli("train", f"--config={ini}", "--task=classification")
    assert done.returncode == 2
    assert "poetry" in done.stderr
