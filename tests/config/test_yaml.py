"""``$BASE`` in YAML (F3.2) and what a loaded file is normalised to (F3.3)."""

from pathlib import Path

import pytest

from auto_train.config import load_yaml
from auto_train.errors import MissingError, UsageError


def test_yaml_merges_mappings_and_replaces_the_rest(write_ini):
    write_ini("optim: {lr: 1, betas: [1, 2]}\nseed: 1\n", "base.yml")
    path = write_ini("$BASE: ./base.yml\noptim: {lr: 2, betas: [3]}\n", "my.yml")
    assert load_yaml(path) == {"optim": {"lr": 2, "betas": [3]}, "seed": 1}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("a.yml", {"x": 1, "y": 1}),
        ("[a.yml, b.yml]", {"x": 2, "y": 1}),
        ("{optim: a.yml}", {"optim": {"x": 1, "y": 1}}),
        ("[a.yml, {optim: b.yml}]", {"x": 1, "y": 1, "optim": {"x": 2}}),
        ("{optim: [a.yml, b.yml]}", {"optim": {"x": 2, "y": 1}}),
        ("null", {}),
    ],
)
def test_yaml_base_takes_every_form(write_ini, base: str, expected: dict[str, object]):
    write_ini("x: 1\ny: 1\n", "a.yml")
    write_ini("x: 2\n", "b.yml")
    assert load_yaml(write_ini(f"$BASE: {base}\n", "my.yml")) == expected


def test_yaml_base_is_relative_to_its_own_file_or_absolute(write_ini, tmp_path: Path):
    write_ini("x: 1\n", "deep/more/leaf.yml")
    write_ini("$BASE: more/leaf.yml\n", "deep/base.yml")
    assert load_yaml(write_ini("$BASE: deep/base.yml\n", "my.yml")) == {"x": 1}
    assert load_yaml(write_ini(f"$BASE: {tmp_path}/deep/base.yml\n", "my.yml")) == {"x": 1}


def test_yaml_nested_base_is_data(write_ini):
    assert load_yaml(write_ini("a: {$BASE: no.yml}\n", "my.yml")) == {"a": {"$BASE": "no.yml"}}


def test_yaml_diamond_is_allowed_and_a_loop_is_not(write_ini):
    write_ini("x: 1\n", "root.yml")
    write_ini("$BASE: root.yml\n", "left.yml")
    write_ini("$BASE: root.yml\n", "right.yml")
    assert load_yaml(write_ini("$BASE: [left.yml, right.yml]\n", "my.yml")) == {"x": 1}
    with pytest.raises(UsageError, match=r"Loop Inherit: self\.yml → self\.yml"):
        load_yaml(write_ini("$BASE: self.yml\n", "self.yml"))


def test_yaml_depth_of_five_is_allowed_and_six_is_not(write_ini):
    write_ini("x: 1\n", "level6.yml")
    for level in range(6):
        write_ini(f"$BASE: level{level + 1}.yml\n", f"level{level}.yml")
    assert load_yaml("level1.yml") == {"x": 1}
    with pytest.raises(ValueError, match="inherit depth should be <5"):
        load_yaml("level0.yml")


def test_yaml_text_is_normalised(write_ini):
    path = write_ini(
        """
        a: 5e-4
        b: 12e4
        c: none
        d: [None, none, 1e2]
        e: hello
        f: $USER_HOME/data
        g: {h: None, i: [{j: none}]}
        """,
        "my.yml",
    )
    assert load_yaml(path) == {
        "a": 0.0005,
        "b": 120000.0,
        "c": None,
        "d": ["None", "none", 100.0],
        "e": "hello",
        "f": f"{Path.home()}/data",
        "g": {"h": None, "i": [{"j": None}]},
    }


def test_yaml_reads_tuples_and_sets_and_no_other_object(write_ini):
    path = write_ini("a: !!python/tuple [1, [2]]\nb: !!python/set [1, 1]\nc: !!set {1, 2}\n", "my.yml")
    assert load_yaml(path) == {"a": (1, [2]), "b": {1}, "c": {1, 2}}
    with pytest.raises(UsageError, match=r"my.yml:2: this is no YAML we read: could not determine a constructor"):
        load_yaml(write_ini("x: 1\na: !!python/object/apply:os.getcwd []\n", "my.yml"))


def test_yaml_empty_file_is_an_empty_mapping(write_ini):
    assert load_yaml(write_ini("# nothing\n", "my.yml")) == {}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("- 1\n", UsageError, r"this file holds a list \(allowed: a mapping\)"),
        ("a: [1\nb: 2\n", UsageError, "this is no YAML we read"),
        ("$BASE: 3\n", TypeError, "'3' is no base"),
        ("$BASE: gone.yml\n", FileNotFoundError, "the base 'gone.yml' does not exist"),
        ("$BASE: list.yml\n", UsageError, "this file holds a list"),
        ("a: \x07\n", UsageError, "this is no YAML"),
        ("? [1, 2]\n: 3\n", UsageError, "found unhashable key"),
    ],
)
def test_yaml_that_cannot_be_used_is_refused(write_ini, text: str, error: type[Exception], message: str):
    write_ini("- 1\n", "list.yml")
    with pytest.raises(error, match=message):
        load_yaml(write_ini(text, "my.yml"))


def test_yaml_missing_file_is_named(tmp_path: Path):
    with pytest.raises(MissingError, match=f"{tmp_path}/no.yml: this file does not exist"):
        load_yaml(tmp_path / "no.yml")
    with pytest.raises(UsageError, match="this file cannot be read: Is a directory"):
        load_yaml(tmp_path)
    with pytest.raises(UsageError, match=r"x.yml: this file cannot be read: File name too long"):
        load_yaml(tmp_path / f"{'x' * 300}.yml")
    (tmp_path / "latin1.yml").write_bytes(b"a: \xf6")
    with pytest.raises(UsageError, match=r"this is no YAML text: .* 0xf6"):
        load_yaml(tmp_path / "latin1.yml")


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}", "$BASE: &x [*x]", f"a: {'[' * 9000}"])
def test_yaml_that_holds_itself_or_nests_too_deep_is_refused(write_ini, text: str):
    path = write_ini(f"{text}\n", "my.yml")
    with pytest.raises(UsageError, match=f"^{path}: an alias in this file holds itself, or it is nested too deep$"):
        load_yaml(path)
