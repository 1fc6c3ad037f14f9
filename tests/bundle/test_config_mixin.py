import json
import sys
from pathlib import Path
from typing import Any

import pytest

from auto_train import __version__, registry
from auto_train.bundle.config_mixin import ConfigMixin, save_config, to_plain_value
from auto_train.bundle.filelist import make_filelist
from auto_train.errors import BundleError, TaskContractError, UsageError


class Box(ConfigMixin):
    """Remembers its arguments; its weight is a number in a file."""

    @save_config
    def __init__(self, size: int, name: str = "box", *, tags: Any = (), options: Any = None):
        self.size, self.name, self.tags, self.options, self.weight = size, name, tags, options, 0

    def save_weights(self, path: Path) -> None:
        path.write_text(str(self.weight))

    def load_weights(self, path: Path) -> None:
        self.weight = int(path.read_text())


class BigBox(Box):
    @save_config
    def __init__(self, extra: str, size: int = 100):
        super().__init__(size)
        self.extra = extra


class TiedBox(Box):
    @save_config
    def __init__(self, *, knot: str, **common: Any):
        super().__init__(**common)
        self.knot = knot


class Bare(ConfigMixin):
    def __init__(self, size: int):
        self.size = size


def config_of(root: Path) -> dict[str, Any]:
    return json.loads((root / "model/config.json").read_text(encoding="utf-8"))


def rewrite(root: Path, **changes: Any) -> None:
    """Change config.json as its author would, with the filelist made anew."""
    (root / "model/config.json").write_text(json.dumps(config_of(root) | changes))
    make_filelist(root / "model")


# Recording


def test_config_records_positional_keyword_and_default_arguments():
    assert Box(3, tags=["a"]).config == {
        "__module__": f"{__name__}.Box", "size": 3, "name": "box", "tags": ["a"], "options": None,
    }  # fmt: skip


def test_config_holds_what_is_handed_on_to_the_class_below(tmp_path: Path):
    box = TiedBox(knot="bow", size=3, tags=["a"])
    assert box.config == {"__module__": f"{__name__}.TiedBox", "knot": "bow", "size": 3, "tags": ["a"]}
    box.save_pretrained(tmp_path)
    back = TiedBox.from_pretrained(tmp_path)
    assert (back.knot, back.size, back.tags) == ("bow", 3, ["a"])


def test_config_of_the_outermost_class_wins():
    assert BigBox("x").config == {"__module__": f"{__name__}.BigBox", "extra": "x", "size": 100}


def test_config_may_be_changed_after_construction():
    box = Box(3)
    box.set_config(size=4)
    assert box.config["size"] == 4


def test_config_without_the_decorator_says_to_add_it():
    with pytest.raises(AttributeError, match=r"decorate Bare.__init__ with @save_config"):
        _ = Bare(1).config


def test_decorator_on_another_class_is_refused():
    class Other:
        @save_config
        def __init__(self, size: int):
            self.size = size

    with pytest.raises(UsageError, match="@save_config needs a ConfigMixin, got Other"):
        Other(1)


@pytest.mark.parametrize("value", [{1, 2}, print, object(), 1j, b"bytes", [{"a": {3}}]])
def test_value_json_does_not_know_is_refused_at_construction(value: Any):
    with pytest.raises(TypeError, match=r"The value of tags=.* is not valid type"):
        Box(1, tags=value)


def test_values_become_what_json_gives_back():
    assert to_plain_value("a", {"t": (1, 2.5, None), 3: [True]}) == {"t": [1, 2.5, None], "3": [True]}


# Saving and loading


def test_object_comes_back_with_arguments_and_weights(tmp_path: Path):
    box = Box(3, "café", tags=("a", ["b"]), options={"deep": {"x": None}})
    box.weight = 7
    assert box.save_pretrained(tmp_path) == tmp_path / "model"
    loaded = Box.from_pretrained(tmp_path)
    assert (loaded.size, loaded.name, loaded.tags, loaded.weight) == (3, "café", ["a", ["b"]], 7)
    assert loaded.options == {"deep": {"x": None}} and loaded.config == box.config


def test_config_file_has_the_documented_form(tmp_path: Path):
    Box(3).save_pretrained(tmp_path)
    text = (tmp_path / "model/config.json").read_text(encoding="utf-8")
    config = json.loads(text)
    # F0.4: indent 2, keys sorted, class and version
    assert text == json.dumps(config, indent=2, sort_keys=True) + "\n"
    assert config["__module__"] == f"{__name__}.Box" and config["__version__"] == __version__
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "filelist.txt",
        "weight.ckpt",
    ]


def test_saving_over_a_bundle_needs_overwrite(tmp_path: Path):
    first, second = Box(1), Box(2)
    first.weight = 1
    first.save_pretrained(tmp_path)
    with pytest.raises(FileExistsError, match=rf"{tmp_path}/model/config.json exists; pass overwrite=True"):
        second.save_pretrained(tmp_path)
    assert Box.from_pretrained(tmp_path).size == 1 and Box.from_pretrained(tmp_path).weight == 1
    second.save_pretrained(tmp_path, overwrite=True)
    assert Box.from_pretrained(tmp_path).size == 2 and Box.from_pretrained(tmp_path).weight == 0


def test_subclass_is_loaded_through_its_parent(tmp_path: Path):
    BigBox("x").save_pretrained(tmp_path)
    assert isinstance(ConfigMixin.from_pretrained(tmp_path), BigBox)


def test_bundle_of_another_class_is_refused(tmp_path: Path):
    Box(1).save_pretrained(tmp_path)
    with pytest.raises(TypeError, match=r"model holds a Box, not a BigBox"):
        BigBox.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "weight.ckpt"])
def test_altered_file_is_an_integrity_error_that_names_it(tmp_path: Path, name: str):
    Box(1).save_pretrained(tmp_path)
    with (tmp_path / "model" / name).open("a") as file:
        file.write(" ")
    with pytest.raises(BundleError, match=rf"INTEGRITY ERROR: {name} was altered"):
        Box.from_pretrained(tmp_path)
    if name == "config.json":
        assert Box.from_pretrained(tmp_path, checkfiles=False).size == 1


def test_missing_filelist_is_refused(tmp_path: Path):
    Box(1).save_pretrained(tmp_path)
    (tmp_path / "model/filelist.txt").unlink()
    with pytest.raises(BundleError, match=r"Invalid repo: .*model has no filelist.txt"):
        Box.from_pretrained(tmp_path)


def test_folder_without_a_bundle_says_where_one_is(tmp_path: Path):
    with pytest.raises(BundleError, match=rf"{tmp_path}/model/config.json does not exist\n.*<run>/bundle") as caught:
        Box.from_pretrained(tmp_path)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"size": 1}', '{"__module__": 5}', '"text"'])
def test_config_file_that_is_none_is_refused(tmp_path: Path, text: str):
    Box(1).save_pretrained(tmp_path)
    (tmp_path / "model/config.json").write_text(text)
    make_filelist(tmp_path / "model")
    with pytest.raises(BundleError, match=r"config.json is no bundle config \("):
        Box.from_pretrained(tmp_path)


# Code


def test_class_of_a_foreign_module_is_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "evil_module.py").write_text("open('ran', 'w')\nclass Evil: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    Box(1).save_pretrained(tmp_path)
    rewrite(tmp_path, __module__="evil_module.Evil")
    with pytest.raises(BundleError, match=r"the bundle's class 'evil_module.Evil' is foreign code"):
        Box.from_pretrained(tmp_path)
    assert not (tmp_path / "ran").exists() and "evil_module" not in sys.modules


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("auto_train.bundle.Nothing", BundleError, "this version has no class 'auto_train.bundle.Nothing'"),
        ("auto_train.nowhere.Box", BundleError, "this version has no class 'auto_train.nowhere.Box'"),
        ("auto_train.bundle.config_mixin.json", TypeError, "is a module, not a class"),
        ("pathlib.Path", TypeError, "holds a Path, not a Box"),
    ],
)
def test_class_that_is_no_model_of_ours_is_refused(tmp_path: Path, name: str, error: type, match: str):
    Box(1).save_pretrained(tmp_path)
    rewrite(tmp_path, __module__=name)
    with pytest.raises(error, match=match):
        Box.from_pretrained(tmp_path)


HEAD = """
from auto_train import registry

@registry.head.register("{name}")
def {name}():
    return "{answer}"
"""


def with_code(root: Path, answer: str, name: str = "told_head") -> Path:
    file = root / "functions.py"
    root.mkdir(exist_ok=True)
    file.write_text(HEAD.format(name=name, answer=answer))
    Box(1).save_pretrained(root, code=[file])
    file.unlink()
    return root


def test_code_in_a_bundle_needs_trust(tmp_path: Path):
    with_code(tmp_path, "one", "untrusted_head")
    with pytest.raises(BundleError, match=r"model_code holds Python code .*\n.*trust_code=True"):
        Box.from_pretrained(tmp_path)
    assert "untrusted_head" not in registry.names("head")


def test_code_in_a_trusted_bundle_registers_its_functions(tmp_path: Path):
    Box.from_pretrained(with_code(tmp_path, "one"), trust_code=True)
    assert registry.get("head", "told_head")() == "one"


def test_each_bundle_runs_with_its_own_code_of_the_same_name(tmp_path: Path):
    one, two = with_code(tmp_path / "one", "one"), with_code(tmp_path / "two", "two")
    for root, answer in ((one, "one"), (two, "two"), (one, "one")):
        Box.from_pretrained(root, trust_code=True)
        assert registry.get("head", "told_head")() == answer


def test_altered_code_is_not_run(tmp_path: Path):
    with_code(tmp_path, "one")
    with (tmp_path / "model_code/functions.py").open("a") as file:
        file.write("# changed\n")
    with pytest.raises(BundleError, match=r"INTEGRITY ERROR: functions.py was altered"):
        Box.from_pretrained(tmp_path, trust_code=True)


def test_code_that_fails_names_its_line(tmp_path: Path):
    with_code(tmp_path, "one")
    (tmp_path / "model_code/functions.py").write_text("x = 1\nx / 0\n")
    make_filelist(tmp_path / "model_code")
    with pytest.raises(TaskContractError, match=r"functions.py:2: this code fails: ZeroDivisionError"):
        Box.from_pretrained(tmp_path, trust_code=True)
