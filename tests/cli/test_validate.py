import json
from pathlib import Path

import pytest

from tests.api.pictures import picture
from tests.conftest import RunCli, TrainedRun
from tests.serving.tiny import write_project


@pytest.fixture
def red(tmp_path: Path) -> Path:
    (tmp_path / "red.png").write_bytes(picture())
    return tmp_path / "red.png"


def test_image_is_answered_as_json_text(run_cli: RunCli, colours: Path, tmp_path: Path, red: Path) -> None:
    done = run_cli("validate", f"--config={write_project(tmp_path / 'p', colours)}", f"--image={red}")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["prediction"] == "red"
    assert answer["confidence"].endswith("%")
    assert done.stderr == ""


def test_image_with_json_is_one_line(run_cli: RunCli, colours: Path, tmp_path: Path, red: Path) -> None:
    ini = write_project(tmp_path / "p", colours)
    (line,) = run_cli("validate", "--config", ini, "--image", red, "--json").stdout.splitlines()
    answer = json.loads(line)
    assert (answer["type"], answer["image"], answer["prediction"]) == ("prediction", str(red), "red")


def test_config_may_come_from_the_environment(run_cli: RunCli, colours: Path, tmp_path: Path, red: Path) -> None:
    done = run_cli("validate", f"--image={red}", env={"CONFIG": str(write_project(tmp_path / "p", colours))})
    assert json.loads(done.stdout)["prediction"] == "red"


def test_override_is_honoured_in_every_form(run_cli: RunCli, colours: Path, tmp_path: Path, red: Path) -> None:
    ini = write_project(tmp_path / "p", colours, "[testing.postprocess]\n@postprocess_function = shout\n")
    for words in (
        ["--testing.postprocess.mark", "?"],
        ["--testing.postprocess.mark=?"],
        ["testing.postprocess.mark=?"],
    ):
        done = run_cli("validate", *words, f"--image={red}", f"--config={ini}")
        assert json.loads(done.stdout) == {"colour": "RED?"}, done.stderr


def test_nothing_trained_is_exit_6_and_says_train_first(run_cli: RunCli, tmp_path: Path, red: Path) -> None:
    ini = tmp_path / "new.ini"
    ini.write_text(f"[project]\nlocation = {tmp_path}/p\n")
    done = run_cli("validate", f"--config={ini}", f"--image={red}")
    assert done.returncode == 6
    assert f"train first: python main.py train --config={ini}" in done.stderr


def test_file_that_is_no_image_is_exit_3(run_cli: RunCli, colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path / "p", colours)
    done = run_cli("validate", f"--config={ini}", f"--image={ini}")
    assert done.returncode == 3
    assert f"{ini}: is no image" in done.stderr


def test_image_that_does_not_exist_is_exit_6(run_cli: RunCli, colours: Path, tmp_path: Path) -> None:
    done = run_cli("validate", f"--config={write_project(tmp_path / 'p', colours)}", "--image=none.png")
    assert done.returncode == 6
    assert "none.png: there is no such image" in done.stderr


def test_image_of_a_name_too_long_is_exit_6(run_cli: RunCli, colours: Path, tmp_path: Path) -> None:
    done = run_cli("validate", f"--config={write_project(tmp_path / 'p', colours)}", f"--image={'x' * 300}.png")
    assert done.returncode == 6
    assert "xxx.png: there is no such image" in done.stderr


def test_unknown_split_is_exit_2(run_cli: RunCli) -> None:
    done = run_cli("validate", "--split=training")
    assert done.returncode == 2
    assert "'valid', 'test'" in done.stderr


def test_metrics_of_a_split_are_printed(run_cli: RunCli, digits_run: TrainedRun) -> None:
    done = run_cli("validate", f"--config={digits_run.config}", "--json", "--offline")
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["type"], found["split"]) == ("metrics", "valid")
    assert 0 <= found["metrics"]["valid/accuracy"] <= 1
