"""Mistakes in a recipe itself, and what counts as a typo."""

import shutil
from pathlib import Path

import pytest

from auto_train.config.declare import declare, find_near_name
from auto_train.registry import RECIPE_FILES, Recipe, recipe

SHIPPED = recipe("classification")


@pytest.fixture
def copied(tmp_path: Path) -> Recipe:
    """Return a copy of the classification recipe in a folder of its own."""
    shutil.copytree(SHIPPED.folder, tmp_path / "copied")
    return Recipe(name="copied", folder=tmp_path / "copied", package="copied")


@pytest.mark.parametrize("name", ["classification"])
def test_shipped_recipe_declares_every_key_without_a_mistake(name: str):
    found = declare(recipe(name))
    assert found.problems == []
    assert all(spec.meaning for spec in found.specs.values())
    assert found.specs["training.scheme", "label_smoothing"].high == 0.5
    assert found.is_free("architecture.head.inner")
    assert not found.is_free("training.scheme")


def test_key_that_does_not_say_what_a_resume_makes_of_it_goes_by_its_section(copied: Recipe):
    keys = "[META]\nbase = common\n\n[mine]  # resume: safe\n# int · a\na = 1\n# int · b · resume: re-plans\nb = 1\n"
    inner = "[mine.inner]\n# int · c\nc = 1\n[other]\n# int · d\nd = 1\n[architecture.head]\n"
    (copied.folder / "config.ini").write_text(keys + inner, encoding="utf-8")
    found = declare(copied)
    assert found.problems == []
    assert [found.on_resume("mine", "a"), found.on_resume("mine", "b"), found.on_resume("mine.inner", "c")] == [
        "safe", "re-plans", "safe",
    ]  # fmt: skip
    assert found.on_resume("other", "d") == ""
    assert found.on_resume("architecture.head", "any") == "refused, the weights were learnt in this architecture"


def test_section_with_another_word_for_a_resume_is_reported_at_its_line(copied: Recipe):
    file = copied.folder / "config.ini"
    file.write_text("[META]\nbase = common\n\n[mine]  # resume: perhaps\n", encoding="utf-8")
    (problem,) = declare(copied).problems
    assert str(problem).startswith(f"{file}:4 [mine]: 'resume: perhaps' is none of 'resume: safe'")


@pytest.mark.parametrize("name", [name for name in RECIPE_FILES if name != "config.ini"])
def test_recipe_that_lacks_a_file_says_which_and_what_to_do(copied: Recipe, name: str):
    (copied.folder / name).unlink()
    (problem,) = declare(copied).problems
    assert str(problem) == (
        f"{copied.folder / name}: the recipe 'copied' lacks this file: "
        "copy it from auto_train/classification; docs/recipes.md says what it defines"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# integer · a number\nsize = 3\n", "'integer' is no spec (allowed: str, path, url, timm"),
        ("size = 3\n", "no comment above it says what it is: write '# int >= 1 · meaning'"),
        ("# int 9..1 · a number\nsize = 3\n", "the range '9..1' in 'int 9..1' is empty"),
        ("# no spec at all\n", "'no spec at all' is no spec"),
    ],
)
def test_recipe_with_a_malformed_spec_is_reported_at_its_line(copied: Recipe, text: str, message: str):
    file = copied.folder / "config.ini"
    file.write_text(f"[META]\nbase = common\n\n[mine]\n{text}", encoding="utf-8")
    (problem,) = declare(copied).problems
    line = 4 + text.count("\n") if "size" in text else 4
    key = " size" if "size" in text else ""
    assert str(problem).startswith(f"{file}:{line} [mine]{key}: {message}")


@pytest.mark.parametrize(
    ("found", "nearest", "is_typo"),
    [
        ("epohcs", "epochs", True),
        ("epoch", "epochs", True),
        ("epochss", "epochs", True),
        ("epxchs", "epochs", True),
        ("EPOCHS", "epochs", True),
        ("batch-size", "batch_size", True),
        ("epxcsh", "epochs", False),
        ("batchsizes", "batch_size", False),
        ("ab", "aa", False),
        ("zebra", "", False),
    ],
)
def test_near_name_tells_one_typo_from_another_name(found: str, nearest: str, is_typo: bool):
    name, typo = find_near_name(found, ["aa", "batch_size", "epochs", "freeze_epochs"])
    assert typo is is_typo
    assert name == nearest or (not is_typo and name in ("", nearest))
