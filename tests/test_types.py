from pathlib import Path

import pytest

from auto_train.types import absolute


def test_absolute_takes_the_home_and_dots_away_and_keeps_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    assert absolute("~/link/a/../b") == tmp_path / "link/b"
    assert absolute(Path("x")) == Path.cwd() / "x"


@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "x" * 300, "a\0b"])
def test_absolute_takes_every_text(name: str) -> None:
    assert absolute(name) == Path.cwd() / name
