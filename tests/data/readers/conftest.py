"""Small folders of every kind of annotations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
