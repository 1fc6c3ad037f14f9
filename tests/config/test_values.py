"""What people write, and what it becomes under each type. The table is F2.2's rules."""

import math
import random

import pytest

from auto_train.config import lint_config, load_config
from auto_train.config.spec import Spec, parse_spec
from auto_train.config.values import cast, check_url, dump, parse_any, split_list
from auto_train.errors import ConfigError

UNDERSTOOD = [
    ("bool", "True", True),
    ("bool", "yes", True),
    ("bool", "on", True),
    ("bool", "1", True),
    ("bool", "FALSE", False),
    ("bool", "no", False),
    ("bool", "Off", False),
    ("bool", '"true"', True),
    ("bool or none", "None", None),
    ("int", "3", 3),
    ("int", "-3", -3),
    ("int", "+3", 3),
    ("int", "3.0", 3),
    ("int", "1e3", 1000),
    ("int", "1_000", 1000),
    ("int", "12345678901234567890", 12345678901234567890),
    ("int or none", "none", None),
    ("int or none", "", None),
    ("float", "1e-3", 0.001),
    ("float", "5", 5.0),
    ("float", ".5", 0.5),
    ("float", "1.", 1.0),
    ("float 0..1", "1", 1.0),
    ("str", "resnet18", "resnet18"),
    ("str", "0.0.1", "0.0.1"),
    ("str", "1.10", "1.10"),
    ("str", "true", "true"),
    ("str", "none", "none"),
    ("str or none", "NULL", None),
    ("str or none", '"none"', "none"),
    ("str", '"two words"', "two words"),
    ("str", "'two words'", "two words"),
    ("str", r'"a \"b\" \\ c"', r'a "b" \ c'),
    ("str", "it's", "it's"),
    ("str", "https://host/a?b=c#d", "https://host/a?b=c#d"),
    ("path", "~/data/a b", "~/data/a b"),
    ("path or none", "none", None),
    ("list of int", "1,2,3", [1, 2, 3]),
    ("list of int", "[1, 2, 3]", [1, 2, 3]),
    ("list of int", "(1,2)", [1, 2]),
    ("list of int", "[1,2,]", [1, 2]),
    ("list of int", "1", [1]),
    ("list of int", "[]", []),
    ("list of int", "", []),
    ("list of int", "1\n2", [1, 2]),
    ("list of float", "1e-3, 2", [0.001, 2.0]),
    ("list of str", "cat, dog", ["cat", "dog"]),
    ("list of str", "[cat, \"dog, small\", 'a]b']", ["cat", "dog, small", "a]b"]),
    ("list of str", r'["a\"b", "c\\"]', ['a"b', "c\\"]),
    ("list of str", "1.10", ["1.10"]),
    ("list of str or none", "none", None),
    ("list of list of int", "[[1,2],[3]]", [[1, 2], [3]]),
    ("list of any", "1, a, true", [1, "a", True]),
    ("one of auto, true, false", "auto", "auto"),
    ("one of auto, true, false", "Yes", True),
    ("one of auto, true, false", "off", False),
    ("one of none, weights", "None", None),
    ("one of 1, 2", "2", 2),
    ("any", "10", 10),
    ("any", "0.5", 0.5),
    ("any", "1e-3", 0.001),
    ("any", "True", True),
    ("any", "None", None),
    ("any", '["a"]', ["a"]),
    ("any", '{"a": [1]}', {"a": [1]}),
    ("any", '"quoted"', "quoted"),
    ("any", "yes", "yes"),
    ("any", "1,2,3", "1,2,3"),
    ("any", "(1,2)", "(1,2)"),
    ("any", "0.0.1", "0.0.1"),
    ("any", "NaN", "NaN"),
    ("any", "-Infinity", "-Infinity"),
    ("any", "", ""),
    ("any", "__import__('os').getcwd()", "__import__('os').getcwd()"),
]

REFUSED = [
    ("bool", "maybe", "'maybe' is neither true nor false (allowed: bool)"),
    ("bool", "2", "neither true nor false"),
    ("int", "three", "'three' is no number (allowed: int)"),
    ("int", "3.5", "'3.5' is no whole number"),
    ("int", "True", "'True' is no number"),
    ("int", "none", "'none' is no number"),
    ("int >= 1", "0", "'0' is out of range (allowed: int >= 1)"),
    ("int", "9" * 5000, "is no finite number"),
    ("float", "nan", "no finite number"),
    ("float", "1e999", "no finite number"),
    ("float > 0", "0", "'0' is out of range (allowed: float > 0)"),
    ("float 0..1", "1.01", "out of range"),
    ("str", '"open', "close the quote"),
    ("path", "", "the value is missing"),
    ("list of int", "[1, 2", "does not end with ']'"),
    ("list of int", "1, x", "'x' is no number"),
    ("list of str", 'a, "b', "has no closing '\"'"),
    ("list of str", "[a, [b]", "has no closing ']'"),
    ("one of a, b", "c", "'c' is not one of them (allowed: one of a, b)"),
]


@pytest.mark.parametrize(("spec", "text", "value"), UNDERSTOOD)
def test_value_people_write_is_understood(spec: str, text: str, value: object):
    found = cast(text, parse_spec(spec))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("spec", "text", "message"), REFUSED)
def test_value_of_another_type_is_refused_with_what_is_allowed(spec: str, text: str, message: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        cast(text, parse_spec(spec))
    assert message in str(caught.value)


def test_deeply_nested_brackets_stay_text():
    assert parse_any("[" * 100_000) == "[" * 100_000


@pytest.mark.parametrize(
    "value",
    [
        *[None, True, 0, -7, 1e-05, 0.1 + 0.2, 10**20, [], [1, [2]], ["a,b", "c"], {"a": None}],
        *["", " a ", "a", "a b", "true", "None", "1.10", "010", '"', "'x'", "[a", "{", "ü→é", "\\"],
        *["a # b", "#a", "a ; b", "tab\there", "line\nbreak"],
    ],
)
def test_dump_is_read_back_as_the_same_value(value: object):
    found = parse_any(dump(value))
    assert found == value
    assert type(found) is type(value)


def test_dump_is_read_back_for_random_text():
    source = random.Random(0)
    for _ in range(3000):
        text = "".join(source.choices("ab 01.-+eE\"'\\[](){},:;#$\n\tnulltrue", k=source.randint(0, 12)))
        assert parse_any(dump(text)) == text
        assert cast(dump(text), Spec(type="str", text="str")) == text
        assert cast(dump([text]), parse_spec("list of str")) == [text]


def test_dump_is_read_back_for_random_numbers():
    source = random.Random(0)
    for _ in range(1000):
        number = source.uniform(-1, 1) * 10 ** source.randint(-300, 300)
        assert math.isclose(cast(dump(number), parse_spec("float")), number, rel_tol=0)


def test_split_list_keeps_quotes_and_brackets_whole():
    assert split_list('["a,b", (1, 2), {"c": 3}, d]') == ['"a,b"', "(1, 2)", '{"c": 3}', "d"]


@pytest.mark.parametrize(
    "url",
    ["https://host/a.tgz", "http://127.0.0.1:80/a", "file:///a/b.zip", "s3://bucket/key", "data/a.zip", "~/a", "http"],
)
def test_url_that_is_well_formed_passes(url: str):
    assert check_url(url) == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https =//host/a.tgz", "write '://' after the scheme"),
        ("https:/host/a.tgz", "write '://' after the scheme"),
        ("htps://host/a.tgz", "unknown scheme 'htps'"),
        ("https://", "is no URL"),
        ("https://ho st/a", "without blanks"),
    ],
)
def test_url_that_is_malformed_is_named(url: str, message: str):
    assert message in check_url(url)


@pytest.mark.parametrize(
    ("key", "value", "repeated"),
    [
        ("project.classes", "red, green, red", "red"),
        ("project.classes", "caf\u00e9, tea, cafe\u0301", "caf\u00e9"),
        ("project.classes", '["a", "b", "a"]', "a"),
        ("project.data.label_column", "one, two, one", "one"),
        ("project.data_source_url", "a.zip, a.zip", "a.zip"),
        ("training.loggers", "mlflow, mlflow", "mlflow"),
        ("export.formats", "onnx, onnx", "onnx"),
        ("serve.cors", "http://a, http://a", "http://a"),
    ],
)
def test_list_that_is_a_set_refuses_repetition_at_its_line(write_ini, key: str, value: str, repeated: str):
    section, _, name = key.rpartition(".")
    path = write_ini(f"[{section}]\n{name} = {value}\n")
    (problem,) = lint_config(path)
    assert (problem.level, problem.line, problem.key) == ("error", 2, name)
    assert f"'{repeated}' twice" in problem.message
    with pytest.raises(ConfigError):
        load_config(write_ini("[project]\nname = a\n"), {key: value})


def test_list_that_is_no_set_takes_equal_items(write_ini):
    config = load_config(write_ini("[architecture]\nmean = 0.5, 0.5, 0.5\n"))
    assert config.architecture["mean"] == [0.5, 0.5, 0.5]


def test_values_are_in_one_unicode_form(write_ini):
    config = load_config(write_ini("[project]\nclasses = cafe\u0301, tea\n"), ["project.name=cafe\u0301"])
    assert (config.project.classes, config.project.name) == (["caf\u00e9", "tea"], "caf\u00e9")
