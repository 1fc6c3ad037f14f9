from pathlib import Path

from auto_train.config.keys import list_known_keys


def test_keys_of_a_recipe_come_with_what_they_take() -> None:
    keys = list_known_keys()
    assert keys["training.scheme.epochs"].type == "int"
    assert set(keys["training.reproducible"].choices) >= {"strict"}


def test_keys_of_an_ini_and_its_bases_are_added(tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[mine]\nleft = 1\n[training.scheme]\nepochs = 3\n")
    (tmp_path / "my.ini").write_text("[META]\nbase = base.ini\n[mine]\nright = 2\n")
    keys = list_known_keys(tmp_path / "my.ini")
    assert {"mine.left", "mine.right", "training.scheme.epochs"} <= set(keys)
    assert keys["training.scheme.epochs"].type == "int"


def test_keys_of_an_ini_are_found_without_running_its_code(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "my.ini").write_text(f"[project]\ncustom_functions = {tmp_path}/code.py\n[a]\nb = 1\n")
    assert "a.b" in list_known_keys(tmp_path / "my.ini")
    assert not (tmp_path / "ran").exists()


def test_keys_of_an_ini_that_cannot_be_read_are_those_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "wrong.ini").write_text("[project\ntype = nothing\n")
    (tmp_path / "other.ini").write_text("[project]\ntype = nothing\n")
    plain = list_known_keys()
    assert list_known_keys(tmp_path / "none.ini") == list_known_keys(tmp_path / "wrong.ini") == plain
    assert list_known_keys(tmp_path / "other.ini").keys() == plain.keys()
