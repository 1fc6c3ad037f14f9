"""Data that an INI's download_function brings: called where the folder is not there, again where it was interrupted."""

from pathlib import Path

import pytest

from auto_train.actions.offline import require_for_evaluation
from auto_train.common.read_data import fetch_data, read_data
from auto_train.config import Config, load_config
from auto_train.errors import DownloadError, OfflineError, TaskContractError

CODE = """
from pathlib import Path
import numpy as np
from PIL import Image
from auto_train import registry

@registry.download_function.register("bring")
def bring(count: int, fails: bool = False):
    def download(config):
        folder = Path(config.training.dir)
        with Path("calls.txt").open("a") as calls:
            calls.write(f"{config.project.name} {count}\\n")
        for number in range(count):
            path = folder / ("red", "green")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(path)
            if fails:
                raise OSError("the line is dead")
    return download

@registry.download_function.register("nothing")
def nothing():
    return None
"""


@pytest.fixture
def ini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(CODE)
    path = tmp_path / "own.ini"
    path.write_text(
        f"[project]\nname = own\nlocation = {tmp_path}/p\ncustom_functions = own.py\n[training]\ndir = data\n"
        "[project.download]\n@download_function = bring\ncount = 6\n"
    )
    return path


def calls(ini: Path) -> list[str]:
    file = ini.parent / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def config_of(ini: Path, *overrides: str) -> Config:
    return load_config(ini, list(overrides))


def test_download_function_brings_the_data_once(ini: Path):
    config = config_of(ini)
    source = fetch_data(config)
    assert (source.folder, source.origin) == (ini.parent / "data", "url")
    assert len(read_data(config, source).samples) == 6
    assert fetch_data(config).origin == "folder"
    assert calls(ini) == ["own 6"]


def test_download_function_that_fails_is_named_with_its_line_and_called_again(ini: Path):
    with pytest.raises(TaskContractError) as caught:
        fetch_data(config_of(ini, "project.download.fails=true"))
    assert f"{ini}:8" in caught.value.where and "OSError: the line is dead" in caught.value.message
    assert list((ini.parent / "data").rglob("*.png"))
    assert len(read_data(config_of(ini), fetch_data(config_of(ini))).samples) == 6
    assert calls(ini) == ["own 6", "own 6"]


def test_download_function_is_not_called_offline(ini: Path):
    with pytest.raises(DownloadError, match="offline"):
        fetch_data(config_of(ini), offline=True)
    with pytest.raises(OfflineError, match=r"\[project\.download\]"):
        require_for_evaluation(config_of(ini))
    assert calls(ini) == []
    fetch_data(config_of(ini))
    assert fetch_data(config_of(ini), offline=True).origin == "folder"


def test_download_function_that_brings_nothing_is_refused(ini: Path):
    with pytest.raises(DownloadError) as caught:
        fetch_data(config_of(ini, "project.download.count=0"))
    assert caught.value.where == str(ini.parent / "data")


def test_download_function_that_returns_no_function_is_refused(ini: Path):
    ini.write_text(ini.read_text().replace("= bring\ncount = 6", "= nothing"))
    with pytest.raises(TaskContractError, match="NoneType"):
        fetch_data(config_of(ini))
