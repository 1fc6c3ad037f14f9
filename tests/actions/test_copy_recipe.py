import os
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train import actions, registry
from auto_train.answers import ModelDescription, answer_form, is_served
from auto_train.config import lint_config, load_config
from auto_train.errors import UsageError
from auto_train.registry import ANSWER_FILE, RECIPE_FILES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_copy_is_a_recipe_of_this_folder_and_of_no_other(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = actions.new_recipe("ripeness")
    assert (made.folder, made.source) == (Path("recipes/ripeness"), "classification")
    found = registry.recipe("ripeness")
    assert (found.folder, found.package, found.missing) == (here / "recipes/ripeness", "recipes.ripeness", ())
    assert {Path(file).name for file in made.edit} <= {*RECIPE_FILES, ANSWER_FILE}
    monkeypatch.chdir(here / "recipes")
    with pytest.raises(UsageError, match="'ripeness' is no task that is available here"):
        registry.recipe("ripeness")


def test_copy_is_renamed_throughout(here: Path) -> None:
    folder = actions.new_recipe("leaf_age").folder
    texts = {file: (folder / file).read_text(encoding="utf-8") for file in RECIPE_FILES}
    assert "class LeafAgeModel(Task)" in texts["model.py"]
    assert "from recipes.leaf_age.model import LeafAgeModel" in texts["train.py"]
    assert "type = leaf_age\n" in texts["config.ini"]
    assert not [file for file, text in texts.items() if "auto_train.classification" in text]
    assert not [file for file, text in texts.items() if "ClassificationModel" in text]


def test_copy_answers_as_its_source_until_it_says_otherwise(here: Path) -> None:
    import numpy as np

    actions.new_recipe("freshness")
    assert is_served("freshness")
    model = ModelDescription(task="freshness", name="mine", labels=("old", "new"))
    answer = answer_form("freshness").answer(np.array([0.25, 0.75], np.float32), model)
    assert (answer["prediction"], answer["confidence"]) == ("new", "75.00%")


def test_copy_of_a_copy_is_a_recipe_too(here: Path) -> None:
    actions.new_recipe("first_one")
    made = actions.new_recipe("second_one", "first_one")
    text = (made.folder / "train.py").read_text(encoding="utf-8")
    assert "from recipes.second_one.model import SecondOneModel" in text
    answers = (made.folder / "answer.py").read_text(encoding="utf-8")
    assert answers == Path("recipes/first_one/answer.py").read_text(encoding="utf-8")


def test_copy_loads_in_an_ini(here: Path) -> None:
    actions.new_recipe("wear")
    (here / "x.ini").write_text("[project]\nname = x\ntype = wear\n[training.scheme]\nbalance = weights\n")
    assert lint_config("x.ini") == []
    assert load_config("x.ini").recipe.name == "wear"


@pytest.mark.parametrize(
    "name", ["", "Ripe", "a-b", "2d", "a b", "../x", "class", "_x", "x_", "a__b", "é", "x" * 41, "a.b", "x\n"]
)
def test_name_that_cannot_be_a_package_is_refused(here: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be a recipe's name: .*\(allowed: small letters, digits and single _"):
        actions.new_recipe(name)
    assert not (here / "recipes").exists()


@pytest.mark.parametrize("name", ["classification", "common", "data", "registry"])
def test_name_that_is_taken_is_refused(here: Path, name: str) -> None:
    if name == "registry":
        (here / "recipes" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match=f"'{name}' is there already"):
        actions.new_recipe(name)


def test_source_that_is_no_recipe_lists_those_there_are(here: Path) -> None:
    with pytest.raises(UsageError, match=r"'clasification' is no task .*did you mean 'classification'"):
        actions.new_recipe("mine", "clasification")
    assert not (here / "recipes").exists()


def test_folder_that_cannot_be_made_is_named(here: Path) -> None:
    (here / "recipes").touch()
    with pytest.raises(UsageError, match=f"{here}/recipes/mine: the recipe cannot be written"):
        actions.new_recipe("mine")


@pytest.mark.slow
def test_copy_fulfils_the_contract_of_recipes(here: Path) -> None:
    """The tests of every recipe, run where the copy is one."""
    actions.new_recipe("ageing")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(ROOT)])}
    words = ["-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT, ROOT / "tests/test_recipes.py"]
    done = subprocess.run(
        [sys.executable, *map(str, words), "-k", "ageing"],
        cwd=here,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout
