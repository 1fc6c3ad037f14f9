from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import auto_train
from auto_train import actions
from auto_train.config import load_config
from auto_train.errors import UsageError
from auto_train.registry import RECIPE_FILES
from tests.serving.tiny import write_project

BLUE = np.full((9, 9, 3), (5, 5, 250), np.uint8)


def test_verbs_are_names_of_the_package() -> None:
    assert (auto_train.load, auto_train.train) == (actions.load, actions.train)
    assert (auto_train.validate, auto_train.serve) == (actions.validate, actions.serve)
    assert auto_train.predict == actions.predict


def test_load_takes_a_run_a_bundle_an_export_and_an_ini(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours)
    for source in (colours, colours / "bundle", colours / "exports/onnx/model.onnx", ini, str(ini)):
        assert actions.load(source)(BLUE)["prediction"] == "blue"


def test_postprocess_is_applied_by_load_and_validate_alike(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours, "[testing.postprocess]\n@postprocess_function = shout\n")
    Image.fromarray(BLUE).save(tmp_path / "blue.png")
    assert actions.load(ini)(BLUE) == {"colour": "BLUE!"}
    assert actions.validate(ini, image=tmp_path / "blue.png").answer == {"colour": "BLUE!"}
    assert actions.load(ini, ["testing.postprocess.mark=?"])(BLUE) == {"colour": "BLUE?"}


def test_load_of_a_model_without_an_ini_takes_no_overrides(colours: Path) -> None:
    for source in (colours, colours / "bundle", colours / "exports/onnx/model.onnx"):
        with pytest.raises(UsageError, match=f"the model at '{source}' takes no overrides: a.b=1\n.*INI that trained"):
            actions.load(source, ["a.b=1"])


def test_unknown_task_lists_the_recipes() -> None:
    with pytest.raises(UsageError, match=r"'classify' is no task that is available here \(allowed: .*classification"):
        actions.open_config(None, task="classify")


EVALUATE = """
from auto_train.common.evaluation import Metrics


def evaluate(config, *, split, offline, progress):
    found = Metrics({f"{split}/beauty": 1.0})
    found.warnings = ("beauty is in the eye of the beholder",)
    return found
"""


@pytest.fixture
def poetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a second recipe, as an installed package brings it."""
    recipe = tmp_path / "poetry_recipe"
    recipe.mkdir()
    for name in ("__init__.py", *RECIPE_FILES):
        (recipe / name).touch()
    (recipe / "config.ini").write_text("[META]\nbase = common\n[project]\ntype = poetry\n")
    (recipe / "validate.py").write_text(EVALUATE)
    (tmp_path / "poetry-1.dist-info").mkdir()
    (tmp_path / "poetry-1.dist-info/entry_points.txt").write_text("[auto_train.recipes]\npoetry = poetry_recipe\n")
    (tmp_path / "poetry-1.dist-info/METADATA").write_text("Name: poetry\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_metrics_of_a_split_come_with_their_warnings(poetry: None, tmp_path: Path) -> None:
    (tmp_path / "poems.ini").write_text("[project]\nname = poems\n")
    found = actions.validate(tmp_path / "poems.ini", split="test", task="poetry")
    assert (found.metrics, found.warnings) == ({"test/beauty": 1.0}, ("beauty is in the eye of the beholder",))


def test_task_that_contradicts_the_ini_names_the_line(colours: Path, tmp_path: Path, poetry: None) -> None:
    ini = write_project(tmp_path / "project", colours)
    ini.write_text(ini.read_text().replace("[project]", "[project]\ntype = classification"))
    for config in (ini, load_config(ini)):
        with pytest.raises(
            UsageError, match=r"colours\.ini:2 .*--task=poetry contradicts project.type = classification"
        ):
            actions.open_config(config, task="poetry")


def test_overrides_of_a_loaded_config_are_refused(colours: Path, tmp_path: Path) -> None:
    config = load_config(write_project(tmp_path, colours))
    with pytest.raises(UsageError, match="a config already loaded takes no overrides"):
        actions.open_config(config, ["a.b=1"])


def test_task_fills_in_for_an_ini_without_type(tmp_path: Path, poetry: None) -> None:
    (tmp_path / "poems.ini").write_text("[project]\nname = poems\n")
    config = actions.open_config(tmp_path / "poems.ini", task="poetry")
    assert (config.recipe.name, config.project.type) == ("poetry", "poetry")
