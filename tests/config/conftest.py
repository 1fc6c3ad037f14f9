"""An INI from text, in a folder of its own that is also the working directory."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

WriteIni = Callable[..., Path]


@pytest.fixture
def write_ini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteIni:
    """Return a function that writes ``name`` (default: my.ini) with the given text and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "my.ini") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write
