import json
from pathlib import Path

from tests.conftest import RunCli
from tests.tiny import write_ini


def test_convert_of_an_ini_writes_a_folder_that_is_read_again(run_cli: RunCli, digit_files: Path, tmp_path: Path):
    ini = write_ini(tmp_path, digit_files)
    done = run_cli("data", "convert", f"--config={ini}", "--to", "csv", "-o", tmp_path / "new", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert (made["type"], made["format"], made["target"], made["splits"]) == ("conversion", "csv", "label", {"": 72})
    again = run_cli("data", "convert", f"--data={made['folder']}", "--to=csv", "-o", tmp_path / "more")
    assert again.stdout == f"wrote    {tmp_path}/more, csv: 72 in no split; 3 classes\n"


def test_convert_of_two_things_or_to_nothing_known_is_exit_2(run_cli: RunCli, digit_files: Path, tmp_path: Path):
    ini = write_ini(tmp_path, digit_files)
    both = run_cli("data", "convert", f"--config={ini}", f"--data={digit_files}", "--to=csv", "-o", tmp_path / "new")
    assert both.returncode == 2 and "an INI and data are both named" in both.stderr
    none = run_cli("data", "convert", f"--config={ini}", "--to=yolo", "-o", tmp_path / "new")
    assert none.returncode == 2 and "format 'yolo' holds no label (allowed: csv)" in none.stderr
