from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import auto_train
from auto_train import actions
from auto_train.config import load_config
from auto_train.errors import UsageError
from tests.serving.tiny import write_project

BLUE = np.full((9, 9, 3), (5, 5, 250), np.uint8)


def test_verbs_are_names_of_the_package() -> None:
    assert (auto_train.load, auto_train.train) == (actions.load, actions.train)
    assert (auto_train.validate, auto_train.serve) == (actions.validate, actions.serve)


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


def test_unknown_task_lists_the_recipes() -> None:
    with pytest.raises(UsageError, match=r"--task: there is no recipe 'classify' \(allowed: .*classification"):
        actions.open_config(None, task="classify")


def test_task_that_contradicts_the_ini_names_the_line(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a second recipe, as an installed package brings it
    (tmp_path / "poetry_recipe").mkdir()
    (tmp_path / "poetry_recipe/__init__.py").touch()
    (tmp_path / "poetry_recipe/config.ini").write_text("[META]\nbase = common\n")
    (tmp_path / "poetry-1.dist-info").mkdir()
    (tmp_path / "poetry-1.dist-info/entry_points.txt").write_text("[auto_train.recipes]\npoetry = poetry_recipe\n")
    (tmp_path / "poetry-1.dist-info/METADATA").write_text("Name: poetry\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
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


def test_task_fills_in_for_an_ini_without_type(colours: Path, tmp_path: Path) -> None:
    config = actions.open_config(write_project(tmp_path, colours), task="classification")
    assert str(config.origin("project.type").kind) == "override"
