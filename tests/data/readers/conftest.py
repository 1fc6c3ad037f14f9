"""Small folders of every kind of annotations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import acquire


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes lines into a file below the data's folder and gives the folder."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / "data"

    return write


@pytest.fixture
def save_mask(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves values as a mask below the data's folder and gives the folder."""

    def save(name: str, values: object, mode: str = "L") -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.array(values, np.uint8))
        if mode == "P":
            image.putpalette([*range(256)] * 3)
        (image if mode in ("L", "P") else image.convert(mode)).save(path)
        return tmp_path / "data"

    return save


@pytest.fixture(scope="session")
def real(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives the folder of one of the real data sets, unpacked once."""
    place = tmp_path_factory.mktemp("real")
    folders: dict[str, Path] = {}

    def unpack(name: str) -> Path:
        if name not in folders:
            folder = acquire(str(mirror / name / f"{name}.tgz"), place / name).folder
            assert folder
            folders[name] = folder
        return folders[name]

    return unpack
