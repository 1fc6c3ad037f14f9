import hashlib
from pathlib import Path

import pytest

from auto_train.data.fetch.mirror import find_in_mirror, mirror_folders


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    for place, content in (("a/x.bin", b"1"), ("b/x.bin", b"2"), ("b/deep/y.bin", b"3"), (".hidden/z.bin", b"4")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(content)
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path))
    return tmp_path


def test_mirror_folders_of_an_unset_variable_are_none() -> None:
    assert mirror_folders() == []


def test_find_in_mirror_without_sum_takes_the_first_by_name(folder: Path) -> None:
    assert find_in_mirror("x.bin", "", []) == folder / "a/x.bin"


def test_find_in_mirror_with_sum_takes_the_one_meant(folder: Path) -> None:
    assert find_in_mirror("x.bin", hashlib.sha256(b"2").hexdigest(), []) == folder / "b/x.bin"


@pytest.mark.parametrize("name", ["y.bin", "z.bin", "none.bin"])
def test_find_in_mirror_deeper_hidden_or_absent_is_reported(folder: Path, name: str) -> None:
    tried: list[str] = []

    assert find_in_mirror(name, "", tried) is None
    assert tried == [f"mirror {folder}: no '{name}' in it or one level below"]


def test_find_in_mirror_folder_that_is_gone_is_reported(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", f"{folder}/none")
    tried: list[str] = []

    assert find_in_mirror("x.bin", "", tried) is None
    assert tried == [f"mirror {folder}/none: no such folder"]
