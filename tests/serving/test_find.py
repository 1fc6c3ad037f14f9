import re
from pathlib import Path

import pytest

from auto_train.errors import BundleError, MissingError
from auto_train.serving.find import find_at


def test_find_run_folder_gives_its_bundle_and_export(colours: Path) -> None:
    found = find_at(colours)
    assert found.bundle == colours / "bundle"
    assert found.onnx == colours / "exports/onnx/model.onnx"


def test_find_bundle_folder_gives_the_export_beside_it(colours: Path) -> None:
    found = find_at(colours / "bundle")
    assert found.onnx == colours / "exports/onnx/model.onnx"


def test_find_bundle_through_a_link_gives_the_export_beside_the_real_one(colours: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(colours / "bundle")
    assert find_at(tmp_path / "latest").onnx == colours / "exports/onnx/model.onnx"


def test_find_onnx_file_needs_no_bundle(colours: Path) -> None:
    found = find_at(colours / "exports/onnx/model.onnx")
    assert found.bundle is None
    assert found.onnx is not None


def test_find_nothing_is_missing_error_with_absolute_path(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=re.escape(f"{tmp_path / 'none'}: there is no such folder")):
        find_at(tmp_path / "none")


def test_find_folder_without_model_says_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no trained model here .allowed: a run folder, a bundle folder or an .onnx"):
        find_at(tmp_path)
