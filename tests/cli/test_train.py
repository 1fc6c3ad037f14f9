import json
import shutil
from pathlib import Path

from tests.conftest import RunCli, TrainedRun


def test_train_with_json_prints_the_run_on_stdout_and_epochs_on_stderr(digits_run: TrainedRun) -> None:
    objects = [json.loads(line) for line in digits_run.process.stdout.splitlines()]
    assert {found["type"] for found in objects} <= {"started", "run", "warning"}
    run = objects[-1]
    assert Path(run["run"]) == digits_run.folder
    assert Path(run["bundle"]) == digits_run.bundle
    assert run["metrics"]["valid/accuracy"] > 0
    epochs = [line for line in digits_run.process.stderr.splitlines() if line.startswith("epoch ") and "/3" in line]
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


def test_resume_without_a_run_says_how_to_name_one(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("train", "--resume=latest", cwd=tmp_path)
    assert done.returncode == 6
    assert done.stderr.startswith(f"error: {tmp_path}/projects: there is no run 'latest'\n  name its INI, --config=INI")


def test_resume_of_a_finished_run_is_exit_2_and_more_epochs_train_on(
    run_cli: RunCli, digits_run: TrainedRun, tmp_path: Path
) -> None:
    run = shutil.copytree(digits_run.folder, tmp_path / "run")
    finished = run_cli("train", f"--resume={run}", cwd=tmp_path)
    assert finished.returncode == 2
    assert "this run is finished: 3 epochs are done\n  to train on, change something: python main.py" in finished.stderr
    words = ["training.scheme.epochs=4", f"project.location={tmp_path}/project", "export.formats=[]"]
    output = f"training.scheme.output_path={tmp_path}/model.pth"
    done = run_cli("train", f"--resume={run}", *words, output, "--json", "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout.splitlines()[-1])["run"]) == run
    assert "training.scheme.epochs" in done.stderr and "re-plans the schedule" in done.stderr
    epochs = [json.loads(line).get("epoch") for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert epochs == [1, 2, 3, 4, None] and (tmp_path / "model.pth").is_file()
