from pathlib import Path

import pytest

from auto_train.data import cache_folder
from auto_train.errors import MissingError


def test_cache_folder_follows_the_environment_and_is_made(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "here"))

    assert cache_folder("downloads") == tmp_path / "here/downloads"
    assert (tmp_path / "here/downloads").is_dir()


def test_cache_folder_default_is_in_the_home(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("AUTO_TRAIN_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cache_folder() == tmp_path / ".cache/auto_train"


def test_cache_folder_that_cannot_be_made_names_the_variable(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "file/cache"))

    with pytest.raises(MissingError, match="the cache cannot be made") as caught:
        cache_folder("downloads")

    assert "AUTO_TRAIN_CACHE" in caught.value.hint
