from pathlib import Path

import pytest

from auto_train.config import load_config

INIS = Path(__file__).parents[1] / "inis"


@pytest.mark.parametrize("path", sorted(INIS.glob("classification*.ini")), ids=lambda path: path.stem)
@pytest.mark.parametrize("resolved", [True, False])
def test_ini_of_a_config_loads_as_the_same_config(path: Path, resolved: bool, write_ini):
    config = load_config(path, ["training.scheme.epochs=7"])
    again = load_config(write_ini(config.to_ini(resolved=resolved)))
    assert again == config
    assert again.to_ini() == config.to_ini()
    assert [at.message for at in again.warnings] == [at.message for at in config.warnings]


def test_ini_of_a_config_is_final_and_commented():
    text = load_config(INIS / "classification.ini").to_ini()
    meaning = "full passes over the training split with all layers training · resume: re-plans"
    assert f"# int >= 0 · {meaning}\nepochs = 5\n" in text
    assert "location = projects/horses_vs_zebras\n" in text
    assert "${" not in text
    assert text.index("[project]") < text.index("[architecture]") < text.index("[training]") < text.index("[testing]")


def test_ini_filled_keeps_variables_and_has_every_default():
    text = load_config(INIS / "classification.ini").to_ini(resolved=False)
    assert "train_dir = ${training.dir}/train\n" in text
    assert "batch_size = 8\n" in text
    assert "accumulate = 1\n" in text


def test_ini_keeps_the_user_s_own_keys_and_their_comments(write_ini):
    config = load_config(write_ini("[training.mine]\n# what I found out\nx = 1\n[training.scheme]\nepochs = 1 # why\n"))
    text = config.to_ini()
    assert "[training.mine]\n# what I found out\nx = 1\n" in text
    assert text.index("[training.scheme]") < text.index("[training.mine]") < text.index("[testing]")


def test_ini_of_awkward_values_loads_as_the_same_config(write_ini):
    mine = {
        "a": "true",
        "b": "1.10",
        "c": " padded ",
        "d": "a # b",
        "e": "line\nbreak",
        "f": "5 $$ ${my.a}",
        "g": ["x,y", "#", '"', "$$"],
        "h": {"k": [None, True]},
        "i": "",
        "j": "'x'",
        "k": 10**30,
        "l": 1e-7,
    }
    values = {
        **{f"my.{key}": value for key, value in mine.items()},
        "project.name": "none",
        "project.classes": ["1", "none", "a b"],
        "project.location": "~/ü ; x",
    }
    config = load_config(write_ini("[my]\nx = 1\n"), {**values, "my.c": '" padded "', "my.e": '"line\\nbreak"'})
    again = load_config(write_ini(config.to_ini()))
    assert again == config
    assert (config.my.b, config.my.c, config.my.e, config.my.f) == (1.1, " padded ", "line\nbreak", "5 $ true")
    assert config.my.g == ["x,y", "#", '"', "$"]
    assert config.project.classes == ["1", "none", "a b"]
