"""The dotted options of F3.1."""

from typing import Any

import pytest

from auto_train.errors import UsageError
from auto_train.training.pipeline.overrides import Override, apply_overrides, take_overrides
from auto_train.training.pipeline.qdict import qDict


def changed(args: dict[str, Any], *words: str, owned: tuple[str, ...] = ()) -> Any:
    found, rest = take_overrides(words, ())
    assert rest == []
    made = qDict(args)
    apply_overrides(made, found, owned)
    return made.to_dict()


def test_overrides_are_taken_out_of_the_command_line():
    words = ["--config", "a.yml", "--a.b", "1", "pos", "--c.d=x=y", "--e.f", "--test", "--my.own", "2", "--g.h"]
    found, rest = take_overrides(words, {"--my.own", "--config"})
    assert rest == ["--config", "a.yml", "pos", "--test", "--my.own", "2"]
    assert [(o.key, o.text) for o in found] == [("a.b", "1"), ("c.d", "x=y"), ("e.f", None), ("g.h", None)]


def test_overrides_end_where_the_command_line_says_so():
    assert take_overrides(["--a.b", "1", "--", "--c.d"], ()) == ([Override(key="a.b", text="1")], ["--", "--c.d"])


def test_overrides_leave_dots_in_values_alone():
    words = ["--config=./my.file.yml", "-c", "my.file.yml"]
    assert take_overrides(words, {"--config"}) == ([], words)


def test_override_of_a_value_that_begins_with_a_dash_needs_an_equals_sign():
    assert changed({}, "--a.b=-0.5") == {"a": {"b": -0.5}}
    found, rest = take_overrides(["--a.b", "-0.5"], ())
    assert rest == ["-0.5"] and found == [Override(key="a.b", text=None)]


@pytest.mark.parametrize(
    ("old", "text", "expected"),
    [
        (3, "32", 32),
        (0.1, "3", 3.0),
        (0.1, "1e-4", 1e-4),
        ("run", "42", "42"),
        (True, "no", False),
        (False, "1", True),
        (False, "T", True),
    ],
)
def test_override_takes_the_type_of_what_is_there(old: Any, text: str, expected: Any):
    value = changed({"a": {"b": old}}, "--a.b", text)["a"]["b"]
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("1.5", 1.5), ("1e3", 1000.0), ("yes", True), ("F", False), ("n", False), ("resnet18", "resnet18")],
)
def test_override_of_a_new_key_is_an_int_a_float_a_truth_value_or_text(text: str, expected: Any):
    for args in ({}, {"a": {"b": None}}, {"a": None}):
        value = changed(args, f"--a.b={text}")["a"]["b"]
        assert value == expected and type(value) is type(expected)


def test_override_makes_the_mappings_on_its_way():
    assert changed({"a": {"x": 1}}, "--a.b.c.d", "1") == {"a": {"x": 1, "b": {"c": {"d": 1}}}}


def test_override_without_a_value_is_true_for_truth_values_and_new_keys():
    assert changed({"a": {"b": False}}, "--a.b", "--a.c") == {"a": {"b": True, "c": True}}
    with pytest.raises(ValueError, match=r"'--a.b' needs a value: it is '0.1' now\n  --a.b=VALUE"):
        changed({"a": {"b": 0.1}}, "--a.b")


@pytest.mark.parametrize(
    ("args", "words", "message"),
    [
        ({"a": {"b": 3}}, ["--a.b", "x"], "Invalid int override for 'a.b': 'x'; it is '3' now"),
        ({"a": {"b": 3}}, ["--a.b", "1.5"], "Invalid int override for 'a.b': '1.5'"),
        ({"a": {"b": 0.5}}, ["--a.b", "x"], "Invalid float override for 'a.b': 'x'"),
        ({"a": {"b": True}}, ["--a.b", "maybe"], "Invalid bool override for 'a.b': 'maybe'"),
        ({"a": {"b": [1]}}, ["--a.b", "2"], "'a.b' is a list, which no option can replace"),
        ({}, ["--a.b", "1", "--a.b=2"], "Duplicate override key 'a.b'"),
        ({}, ["--a.b-c", "1"], "Invalid override key 'a.b-c'"),
        ({}, ["--a..b", "1"], "Invalid override key 'a..b'"),
        ({}, ["--a.2b", "1"], r"Invalid override key 'a.2b' \(allowed: letters, digits and _"),
        ({}, ["--a.b.c.d.e.f.g.h.i", "1"], r"is 9 deep \(allowed: at most 8\)"),
        ({"a": {"b": 1}}, ["--a.b.c", "1"], "Invalid override path 'a.b.c': a.b is '1', no mapping"),
        ({}, ["--config.path", "x"], "Override key 'config.path': 'config' is an option of its own"),
    ],
)
def test_override_that_cannot_be_applied_is_refused(args: dict[str, Any], words: list[str], message: str):
    with pytest.raises(UsageError, match=message) as caught:
        changed(args, *words, owned=("config",))
    assert isinstance(caught.value, ValueError)


def test_override_of_eight_segments_is_allowed():
    assert changed({}, "--a.b.c.d.e.f.g.h", "1")["a"]["b"]["c"]["d"]["e"]["f"]["g"] == {"h": 1}
