import json
from pathlib import Path

import pytest

from auto_train.cli import main
from tests.conftest import RunCli
from tests.tiny import write_digits


def test_init_prints_what_it_understood_and_what_to_type_next(
    run_cli: RunCli, digit_files: Path, tmp_path: Path
) -> None:
    done = run_cli("init", f"--data={digit_files}", "-o", "digits.ini", "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"data     {digit_files}, folders: 72 in no split; 28 x 28 px"
    assert lines[1:3] == ["task     classification", "classes  3: 0, 1, 2"]
    assert any("training.augment.flip" in line and " false " in line for line in lines)
    assert lines[-3:] == [
        "wrote    digits.ini",
        "try it   python main.py train --config=digits.ini --dry-run",
        "train    python main.py train --config=digits.ini",
    ]
    linted = run_cli("config", "lint", "digits.ini", cwd=tmp_path)
    assert (linted.returncode, linted.stdout) == (0, "digits.ini: no errors\n")


def test_init_with_json_is_objects_with_every_choice(
    digit_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["init", f"--data={digit_files}", "--offline", "--json"])
    *warnings, made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert end.value.code == 0
    assert {found["type"] for found in warnings} == {"warning"}
    assert (made["type"], made["path"], made["labels"]) == ("init", "digit-files0.ini", ["0", "1", "2"])
    assert {"key": "architecture.image_size", "value": 28, "why": "images are 28 x 28 px"} in made["choices"]
    assert made["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data=nowhere"], 3, "nowhere: there is nothing"),
        (["--data=."], 3, "no known data format; the folder holds: nothing"),
        (["--data=.", "--task=x"], 2, "'x' is no task that is available here"),
    ],
)
def test_init_of_no_data_ends_with_its_code_and_no_traceback(
    run_cli: RunCli, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    done = run_cli("init", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_init_of_any_folder_trains_as_it_is(run_cli: RunCli, tmp_path: Path) -> None:
    write_digits(tmp_path / "my digits €", dict.fromkeys("0123", 40))
    made = run_cli("init", "--data=my digits €", "--offline", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = run_cli("train", "--config=my-digits.ini", "--json", "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["metrics"]["valid/accuracy"] > 0.9
