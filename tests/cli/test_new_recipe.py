import json
from pathlib import Path

from tests.conftest import RunCli
from tests.tiny import write_ini


def test_new_recipe_says_what_to_edit_first(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("new-recipe", "ripeness", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "recipe   recipes/ripeness, copied from classification"
    assert lines[1] == "use it   type = ripeness under [project] in an INI"
    assert lines[2].startswith("edit     recipes/ripeness/model.py: targets, loss")
    assert lines[-1] == "try it   python main.py train --config=INI project.type=ripeness"


def test_new_recipe_trains_is_measured_and_served_at_once(run_cli: RunCli, digit_files: Path, tmp_path: Path) -> None:
    made = run_cli("new-recipe", "ripeness", "--from=classification", "--json", cwd=tmp_path)
    assert json.loads(made.stdout)["folder"] == "recipes/ripeness"
    ini = write_ini(tmp_path, digit_files)
    done = run_cli("train", f"--config={ini}", "project.type=ripeness", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    image = next((digit_files / "1").iterdir())
    words = [f"--config={ini}", "project.type=ripeness", "export.formats=[]"]
    answered = run_cli("validate", *words, f"--image={image}", cwd=tmp_path)
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout)["prediction"] in ("0", "1", "2")


def test_new_recipe_of_a_name_that_is_taken_is_exit_2(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("new-recipe", "classification", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: 'classification' is there already\n  take another name, or edit the recipe that is there\n",
    )
    assert not list(tmp_path.iterdir())
