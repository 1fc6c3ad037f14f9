import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from auto_train import registry
from auto_train.errors import TaskContractError, UsageError


def test_create_is_idempotent():
    first = registry.create("kind_for_tests")
    assert registry.create("kind_for_tests") is first is registry.kind_for_tests
    assert "kind_for_tests" in registry.kinds()


def test_built_in_kinds_are_there():
    assert set(registry.KINDS) <= set(registry.kinds())
    assert set(registry.KINDS) == {
        "preprocess_function",
        "load_function",
        "head",
        "postprocess_function",
        "augmentations",
        "download_function",
    }


def test_register_returns_the_function_and_get_finds_it():
    @registry.head.register("registered_for_tests")
    def function(size: int) -> int:
        return size

    assert function(3) == 3
    assert registry.get("head", "registered_for_tests") is function
    assert "registered_for_tests" in registry.names("head")


def test_get_of_an_unknown_name_lists_those_there_are():
    registry.head.register("listed_for_tests", func=lambda: None)
    with pytest.raises(TaskContractError, match="no head is registered as 'listed_for_test'") as caught:
        registry.get("head", "listed_for_test")
    assert "did you mean 'listed_for_tests'? known: " in str(caught.value)


def test_get_of_an_unknown_kind_lists_those_there_are():
    with pytest.raises(
        TaskContractError, match=r"there is no kind of function '@heads' \(allowed: did you mean 'head'"
    ):
        registry.get("heads", "x")
    with pytest.raises(AttributeError, match=r"has no kind 'heads'; registry.create\('heads'\) makes one"):
        _ = registry.heads


def test_resolve_replaces_a_section_by_the_return_value():
    registry.head.register("outer_for_tests", func=lambda size, inner=None: (size, inner))
    registry.preprocess_function.register("inner_for_tests", func=lambda: "inner")
    section = {
        "plain": 1,
        "head": {"@head": "outer_for_tests", "size": 2, "inner": {"@preprocess_function": "inner_for_tests"}},
    }
    assert registry.resolve(section) == {"plain": 1, "head": (2, "inner")}
    assert registry.resolve(section["head"]) == (2, "inner")


def test_resolve_keeps_what_a_function_returns():
    class Result(dict):
        pass

    result = Result(a=1)
    registry.head.register("result_for_tests", func=lambda: result)
    assert registry.resolve({"@head": "result_for_tests"}) is result


def test_recipes_are_the_folders_with_a_config():
    found = registry.recipes()["classification"]
    assert found.folder == Path(registry.__file__).parent / "classification"
    assert found.package == "auto_train.classification"
    assert found.missing == ()
    assert "common" not in registry.recipes()


def test_recipe_of_an_unknown_name_lists_those_there_are():
    for name in ("clasification", "../common", "common", "", "a b", "x" * 500):
        with pytest.raises(UsageError, match="is no task that is available here") as caught:
            registry.recipe(name)
        assert "classification" in caught.value.allowed


def test_load_functions_runs_the_recipe_s_and_the_user_s_file(tmp_path: Path):
    file = tmp_path / "mine.py"
    code = "from auto_train import registry\n@registry.head.register('mine_for_tests')\ndef mine(): return {}\n"
    for value in (1, 2):  # a changed file is run anew
        file.write_text(code.format(value), encoding="utf-8")
        registry.load_functions(registry.recipe("classification"), file)
        assert registry.get("head", "mine_for_tests")() == value
    assert "custom_head" in registry.names("head")


def test_load_functions_file_may_hold_dataclasses(tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    )
    registry.load_functions(None, file)


def test_load_functions_missing_file_is_named(tmp_path: Path):
    with pytest.raises(TaskContractError, match=f"{tmp_path}/no.py: there is no such file\n  project.custom_functions"):
        registry.load_functions(None, tmp_path / "no.py")


def test_load_functions_loads_no_torch():
    code = "from auto_train import registry\nregistry.load_functions(registry.recipe('classification'))\n"
    code += "import sys; print({'torch', 'fastai', 'timm', 'numpy', 'confection'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_installed_package_adds_functions_and_recipes(tmp_path: Path):
    package = tmp_path / "birds"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a recipe is found without importing it')\n")
    (package / "config.ini").write_text("[META]\nbase = common\n")
    (tmp_path / "bird_functions.py").write_text("def beak(size: int):\n    return ('beak', size)\n")
    facts = tmp_path / "birds-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: birds\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[auto_train_head]\nbeak = bird_functions:beak\nlost = no_such_bird_module:x\n"
        "[auto_train.recipes]\nbirds = birds\n"
    )
    code = textwrap.dedent(
        """
        from auto_train import registry
        from auto_train.errors import TaskContractError
        print(registry.get("head", "beak")(3), registry.names("head"))
        print(registry.recipe("birds").folder, registry.recipe("birds").missing)
        try:
            registry.get("head", "lost")
        except TaskContractError as error:
            print(error)
        """
    )
    root = Path(registry.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env={"PYTHONPATH": str(tmp_path)}
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "('beak', 3) ['beak', 'lost']", done.stderr
    assert lines[1].startswith(f"{package} ('custom_functions.py', 'model.py',")
    assert "head 'lost' of an installed package cannot be imported: No module named 'no_such_bird_module'" in lines[2]
