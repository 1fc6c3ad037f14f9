import json
import re
import shutil
from pathlib import Path

import pytest

from auto_train.bundle.find import find_at, find_for_config
from auto_train.config import load_config
from auto_train.errors import BundleError, MissingError
from tests.serving.tiny import write_project


def test_find_run_folder_gives_its_bundle_and_export(colours: Path) -> None:
    found = find_at(colours)
    assert found.bundle == colours / "bundle"
    assert found.exports["onnx"] == colours / "exports/onnx/model.onnx"


def test_find_bundle_folder_gives_the_export_beside_it(colours: Path) -> None:
    found = find_at(colours / "bundle")
    assert found.exports["onnx"] == colours / "exports/onnx/model.onnx"


def test_find_bundle_through_a_link_gives_the_export_beside_the_real_one(colours: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(colours / "bundle")
    assert find_at(tmp_path / "latest").exports["onnx"] == colours / "exports/onnx/model.onnx"


@pytest.mark.parametrize("part", ["", "bundle"])
def test_link_is_resolved_once(colours: Path, tmp_path: Path, part: str) -> None:
    (tmp_path / "run").mkdir()
    link = tmp_path / "run/bundle" if part else tmp_path / "latest"
    link.symlink_to(colours / part)
    found = find_at(tmp_path / "run" if part else link)
    assert (found.bundle, found.exports["onnx"]) == (colours / "bundle", colours / "exports/onnx/model.onnx")
    (tmp_path / "model.onnx").symlink_to(tmp_path / "blob")
    (tmp_path / "blob").write_bytes(b"its name says nothing")
    assert find_at(tmp_path / "model.onnx").exports["onnx"] == tmp_path / "model.onnx"


def test_find_onnx_file_needs_no_bundle(colours: Path) -> None:
    found = find_at(colours / "exports/onnx/model.onnx")
    assert found.bundle is None
    assert "onnx" in found.exports


def test_find_nothing_is_missing_error_with_absolute_path(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=re.escape(f"{tmp_path / 'none'}: there is no such folder")):
        find_at(tmp_path / "none")


def test_find_folder_without_model_says_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no trained model here \(allowed: a run folder, a bundle folder or"):
        find_at(tmp_path)


def test_find_for_config_gives_the_recorded_bundle(colours: Path, tmp_path: Path) -> None:
    found = find_for_config(load_config(write_project(tmp_path, colours)))
    assert (found.bundle, found.weights, found.warnings) == (colours / "bundle", None, ())
    assert found.exports["onnx"] == colours / "exports/onnx/model.onnx"


def test_find_before_training_says_train_first(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours)
    (tmp_path / "models/model.pth").unlink()
    with pytest.raises(MissingError, match=r"there is no trained model\n  train first: python main.py train --config="):
        find_for_config(load_config(ini))


def test_find_replaced_weights_win_with_a_warning(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours)
    (tmp_path / "models/model.pth").write_bytes(b"other weights")
    found = find_for_config(load_config(ini))
    assert found.weights == tmp_path / "models/model.pth"
    assert "onnx" not in found.exports
    assert "is not what the last training wrote" in found.warnings[0]


def test_find_moved_project_gives_the_bundle_at_its_new_place(colours: Path, tmp_path: Path) -> None:
    write_project(tmp_path / "old", colours)
    shutil.copytree(colours, tmp_path / "old/runs/one")
    record = tmp_path / "old/models/model.pth.json"
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {"run": "/gone/runs/one", "bundle": "/gone/runs/one/bundle"}))
    (tmp_path / "old").rename(tmp_path / "new")
    ini = tmp_path / "new/colours.ini"
    found = find_for_config(
        load_config(ini, {"project.location": tmp_path / "new", "project.custom_functions": "none"})
    )
    assert found.bundle == tmp_path / "new/runs/one/bundle"


def test_find_without_record_says_which_file_is_missing(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours)
    (tmp_path / "models/model.pth.json").unlink()
    with pytest.raises(BundleError, match=r"model\.pth\.json: the record that names the bundle of these weights is"):
        find_for_config(load_config(ini))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": "x", "run": "y"}'])
def test_find_damaged_record_says_so(colours: Path, tmp_path: Path, text: str) -> None:
    ini = write_project(tmp_path, colours)
    (tmp_path / "models/model.pth.json").write_text(text)
    with pytest.raises(BundleError, match="the record of these weights is damaged"):
        find_for_config(load_config(ini))


def test_find_deleted_bundle_says_where_it_was_looked_for(tmp_path: Path) -> None:
    ini = write_project(tmp_path, tmp_path / "deleted")
    with pytest.raises(BundleError, match=r"deleted/bundle' of these weights is gone .*runs/deleted/bundle"):
        find_for_config(load_config(ini))
