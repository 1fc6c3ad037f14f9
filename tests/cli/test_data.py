import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import RunCli
from tests.tiny import write_ini


@pytest.fixture
def faulty(digit_files: Path, tmp_path: Path) -> Path:
    """Return digits with a file that is no image, a content under two labels and a copy."""
    data = shutil.copytree(digit_files, tmp_path / "data")
    (data / "0/broken.png").write_bytes(b"no image")
    shutil.copy(data / "0/000.png", data / "1/wrong.png")
    shutil.copy(data / "2/000.png", data / "2/again.png")
    return data


def test_check_of_sound_data_is_a_table_and_exit_0(run_cli: RunCli, digit_files: Path, tmp_path: Path):
    done = run_cli("data", "check", f"--config={write_ini(tmp_path, digit_files)}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("images   72: ") and lines[1] == "classes  3"
    assert "note     the data is read as folders: a folder of images per class" in lines
    assert lines[-1] == f"report   {tmp_path}/project/data_report.html" and Path(lines[-1][9:]).is_file()


def test_check_of_faulty_data_is_exit_3_and_names_files_and_remedies(run_cli: RunCli, faulty: Path, tmp_path: Path):
    ini = write_ini(tmp_path, faulty)
    done = run_cli("data", "check", "--config", ini, "--exclude", tmp_path / "exclude.txt")
    assert done.returncode == 3
    assert "error    not_an_image: files that are no images (1)" in done.stdout and "0/broken.png" in done.stdout
    assert "error    conflicting_labels: images whose content is labelled otherwise too (2)" in done.stdout
    assert "info     duplicate: copies of one content in one split (2)" in done.stdout
    assert f"exclude  {tmp_path}/exclude.txt: 4 images" in done.stdout
    assert "the data cannot be trained on" in done.stderr and "Traceback" not in done.stderr
    again = run_cli("data", "check", "--config", ini, f"project.data.exclude={tmp_path}/exclude.txt")
    assert again.returncode == 0, again.stderr
    assert faulty.joinpath("0/broken.png").read_bytes() == b"no image"


def test_check_with_json_is_one_object_per_line(run_cli: RunCli, faulty: Path, tmp_path: Path):
    done = run_cli("data", "check", "--config", write_ini(tmp_path, faulty), "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [line["type"] for line in lines]
    assert done.returncode == 3 and kinds[-2:] == ["data", "error"] and kinds.count("finding") >= 3
    assert lines[0]["code"] == "not_an_image" and lines[0]["items"][0]["path"] == "0/broken.png"
    assert lines[-2]["classes"]["0"] and Path(lines[-2]["report"]).is_file()


def test_check_of_digits_that_come_with_the_program_works(run_cli: RunCli, tmp_path: Path):
    done = run_cli("data", "check", "--config", write_ini(tmp_path))
    assert done.returncode == 0 and "images   1,797: " in done.stdout


def test_check_of_no_data_is_one_message(run_cli: RunCli, tmp_path: Path):
    done = run_cli("data", "check", "--config", write_ini(tmp_path, tmp_path / "nowhere"))
    assert done.returncode == 6 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "where"), [(["--exclude", "."], ""), (["project.location=tiny.ini/x"], "/tiny.ini/x")]
)
def test_check_that_cannot_write_says_where(
    run_cli: RunCli, digit_files: Path, tmp_path: Path, words: list[str], where: str
):
    done = run_cli("data", "check", "--config", write_ini(tmp_path, digit_files), *words, cwd=tmp_path)
    assert done.returncode == 2 and f"{tmp_path}{where}: cannot be written: " in done.stderr


def test_check_loads_no_torch(digit_files: Path, tmp_path: Path):
    import subprocess
    import sys

    code = (
        "import sys\nfrom auto_train.actions import check_data\n"
        "check_data(sys.argv[1])\nprint({'torch', 'fastai', 'timm'} & set(sys.modules))"
    )
    ini = write_ini(tmp_path, digit_files)
    done = subprocess.run([sys.executable, "-c", code, ini], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
