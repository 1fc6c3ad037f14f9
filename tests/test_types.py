from pathlib import Path

import pytest

from auto_train.types import match_disk_spelling, to_absolute


def test_absolute_takes_the_home_and_dots_away_and_keeps_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    assert to_absolute("~/link/a/../b") == tmp_path / "link/b"
    assert to_absolute(Path("x")) == Path.cwd() / "x"


@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "x" * 300, "a\0b"])
def test_absolute_takes_every_text(name: str) -> None:
    assert to_absolute(name) == Path.cwd() / name


def test_path_is_found_in_the_unicode_form_that_the_disk_has(tmp_path: Path) -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    (tmp_path / two / "a").mkdir(parents=True)
    (tmp_path / two / one).mkdir()
    assert to_absolute(tmp_path / one / "a") == tmp_path / two / "a"
    assert to_absolute(tmp_path / one / two / "new") == tmp_path / two / one / "new"
    assert to_absolute(tmp_path / two / "a") == tmp_path / two / "a"
    (tmp_path / one).mkdir()
    assert to_absolute(tmp_path / one) == tmp_path / one


def test_path_that_is_not_there_stays_as_it_is_written(tmp_path: Path) -> None:
    assert to_absolute(tmp_path / "cafe\u0301/x") == tmp_path / "cafe\u0301/x"
    assert match_disk_spelling(Path("\u00e9/x")) == Path("\u00e9/x")
