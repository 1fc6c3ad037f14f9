from pathlib import Path

import pytest

from auto_train.config import load_config
from auto_train.errors import UsageError
from auto_train.jobs import Order, order_of


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "one.ini"
    path.write_text("[project]\nname = one\n[training]\njobs = 3\n")
    return path


def test_order_keeps_the_config_as_it_is_now(ini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", "mirror")
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "secret")
    config = load_config(ini, ["training.scheme.epochs=7"])
    found = order_of(config, ["training.scheme.epochs=7"], workers=2, offline=True)
    assert found.words == ("training.scheme.epochs=7", "--workers=2", "--offline")
    assert found.command == "train --config=one.ini training.scheme.epochs=7 --workers=2 --offline"
    assert (found.at_once, found.cwd) == (3, str(tmp_path))
    assert found.environment["AUTO_TRAIN_MIRROR"] == "mirror" and "secret" not in found.environment.values()
    (tmp_path / "kept.ini").write_text(found.config)
    ini.unlink()
    assert load_config(tmp_path / "kept.ini") == config


def test_order_of_a_resume_names_the_run_and_keeps_its_config_for_looking_it_up(ini: Path) -> None:
    found = order_of(load_config(ini), ["a.b=c d"], resume=Path("/runs/1"))
    assert found.words == ("--resume=/runs/1", "a.b=c d") and found.resumes and found.config
    assert found.command == "train --resume=/runs/1 'a.b=c d'"


def test_order_shows_no_control_characters(ini: Path) -> None:
    found = order_of(load_config(ini), ["project.name=\x1b[31mré\n<b>"])
    assert found.command.endswith(r"'project.name=\x1b[31mré\n<b>'")


@pytest.mark.parametrize("word", ["a.b=\0", "a.b=\ud800"])
def test_order_of_words_that_no_process_can_have_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=r"a\.b=.* cannot be handed to a process \(allowed: text without NUL\)"):
        Order(words=(word,), command="")
