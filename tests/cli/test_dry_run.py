import json
from pathlib import Path

import pytest

from auto_train.cli import main
from tests.conftest import RunCli
from tests.tiny import write_ini


def test_dry_run_prints_stages_and_an_estimate_and_leaves_nothing(
    run_cli: RunCli, digit_files: Path, tmp_path: Path
) -> None:
    ini = write_ini(tmp_path, digit_files)
    done = run_cli("train", f"--config={ini}", "--dry-run", "export.formats=onnx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["prepare", "train", "evaluate", "export", "serve"]
    assert lines[6] == "the whole training, about: 58 train, 14 valid images"
    assert "1 epoch of 0:0" in lines[7] and "MB are free" in lines[8]
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [ini]


def test_dry_run_with_json_is_one_object(digit_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["train", f"--config={write_ini(tmp_path, digit_files)}", "--dry-run", "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (end.value.code, found["type"], found["estimate"]["epochs"]) == (0, "dry_run", 1)
    assert [stage["name"] for stage in found["stages"]] == ["prepare", "train", "evaluate", "serve"]  # no format asked


@pytest.mark.parametrize("words", [["--resume=latest"], ["--workers=2"], ["--detach"]])
def test_dry_run_of_something_else_is_refused(run_cli: RunCli, tmp_path: Path, words: list[str]) -> None:
    done = run_cli("train", "--dry-run", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "--dry-run is of a new training in one process (allowed: no --resume, --detach or --workers)" in done.stderr


@pytest.mark.usefixtures("lossy_export")
def test_dry_run_of_a_training_that_fails_has_its_exit_code(
    digit_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ini = write_ini(tmp_path, tmp_path / "nowhere")
    with pytest.raises(SystemExit) as end:
        main(["train", f"--config={ini}", "--dry-run"])
    assert (end.value.code, "no data here and no source" in capsys.readouterr().err) == (6, True)
    words = [f"training.dir={digit_files}", "export.formats=onnx"]
    with pytest.raises(SystemExit) as end:
        main(["train", f"--config={ini}", "--dry-run", *words])
    error = capsys.readouterr().err
    assert (end.value.code, "the export differs" in error, "go on" in error) == (5, True, False)
