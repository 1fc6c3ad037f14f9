"""Functions an INI names: found, and their arguments checked by signature and annotation."""

from pathlib import Path

import pytest

from auto_train.config import lint_config, load_config

CODE = """
from typing import Literal

from auto_train import registry


@registry.head.register("typed_for_tests")
def typed(
    size: int,
    flag: bool = False,
    names: list[str] | None = None,
    mode: Literal["fast", "slow"] = "fast",
    version: str = "1",
    weights: dict[str, float] | None = None,
    free=None,
): ...


@registry.head.register("open_for_tests")
def open_for_tests(size: int, **more): ...


@registry.head.register("class_for_tests")
class Head:
    def __init__(self, size: int): ...


@registry.head.register("unreadable_for_tests")
def unreadable(size: "NoSuchName"): ...
"""


@pytest.fixture
def head(write_ini):
    """Return a function that writes an INI with this head and its arguments."""
    write_ini(CODE, "functions.py")

    def write(name: str, arguments: str) -> Path:
        return write_ini(
            f"[project]\ncustom_functions = functions.py\n[architecture.head]\n@head = {name}\n{arguments}"
        )

    return write


def errors(path: Path) -> list[str]:
    return [str(at).removeprefix(f"{path}:") for at in lint_config(path) if at.level == "error"]


def test_arguments_take_the_types_of_their_annotations(head):
    path = head("typed_for_tests", "size = 1e1\nflag = yes\nnames = a, b\nversion = 1.10\nmode = slow\nfree = 1,2\n")
    assert load_config(path).architecture.head.to_dict() == {
        "@head": "typed_for_tests",
        "size": 10,
        "flag": True,
        "names": ["a", "b"],
        "version": "1.10",
        "mode": "slow",
        "free": "1,2",
    }


def test_arguments_that_do_not_fit_are_all_reported(head):
    path = head("typed_for_tests", 'sise = 1\nflag = maybe\nnames = [a\nmode = medium\nweights = {"a": "b"}\n')
    assert errors(path) == [
        "4 [architecture.head] @head: head 'typed_for_tests' needs the argument 'size'; add a line 'size = …'",
        "5 [architecture.head] sise: head 'typed_for_tests' takes no argument 'sise'; did you mean 'size'?",
        "6 [architecture.head] flag: 'maybe' is neither true nor false (allowed: bool)",
        "7 [architecture.head] names: the '[' of this value is never closed",
        "8 [architecture.head] mode: 'medium' is not one of them (allowed: Literal['fast', 'slow'])",
    ]


def test_argument_of_another_annotation_is_checked_by_confection(head):
    good = head("typed_for_tests", 'size = 1\nweights = {"a": 0.5}\n')
    assert load_config(good).architecture.head.weights == {"a": 0.5}
    bad = head("typed_for_tests", 'size = 1\nweights = {"a": "b"}\n')
    assert errors(bad) == [
        '6 [architecture.head] weights: \'{"a": "b"}\' is no dict[str, float] | None, '
        "which the argument 'weights' must be"
    ]


def test_argument_of_an_open_function_may_have_any_name(head):
    assert load_config(head("open_for_tests", "size = 1\nother = 2\n")).architecture.head.other == 2


def test_class_is_checked_by_its_constructor(head):
    assert load_config(head("class_for_tests", "size = 1\n")).resolve("architecture.head").__class__.__name__ == "Head"
    assert errors(head("class_for_tests", "")) == [
        "4 [architecture.head] @head: head 'class_for_tests' needs the argument 'size'; add a line 'size = …'"
    ]


def test_annotation_that_cannot_be_read_is_reported(head):
    (message,) = errors(head("unreadable_for_tests", "size = 1\n"))
    assert "the arguments of head 'unreadable_for_tests' cannot be read: name 'NoSuchName' is not defined" in message


def test_name_may_be_a_variable(head):
    path = head("${my.head}", "size = 1\n[my]\nhead = typed_for_tests\n")
    assert load_config(path).architecture.head["@head"] == "typed_for_tests"


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("x = 1\ndef broken(:\n", 2, "this is no valid Python: invalid syntax"),
        ("x = 1\n\ny = 1 / 0\n", 3, "this code fails: ZeroDivisionError: division by zero"),
        ("import no_such_module_anywhere\n", 1, "this code fails: ModuleNotFoundError: No module named"),
        ("def f():\n    raise ValueError('deep')\n\nf()\n", 2, "this code fails: ValueError: deep"),
        ("import sys\nsys.exit(3)\n", 2, "this code fails: SystemExit: 3"),
        ("from auto_train import registry\n\nregistry.no_such_kind.register('x')\n", 3, "has no kind 'no_such_kind'"),
    ],
)
def test_functions_file_that_fails_is_reported_at_its_own_line(write_ini, code: str, line: int, message: str):
    functions = write_ini(code, "functions.py")
    path = write_ini(
        """
        [project]
        custom_functions = functions.py
        [architecture.head]
        @head = only_in_that_file
        [training.scheme]
        epochs = x
        """
    )
    found = [str(at) for at in lint_config(path)]
    assert len(found) == 2, found
    assert found[0].startswith(f"{path}:7 [training.scheme] epochs: 'x' is no number")
    assert found[1].startswith(f"{functions}:{line}: ")
    assert message in found[1]


def test_functions_file_that_is_no_python_is_reported(write_ini):
    functions = write_ini("x = 1\n", "functions.txt")
    (problem,) = lint_config(write_ini("[project]\ncustom_functions = functions.txt\n"))
    assert str(problem).startswith(f"{functions}:1: this code fails: ImportError: this is no Python file")


def test_functions_file_that_is_missing_is_reported_at_the_key(write_ini, tmp_path: Path):
    path = write_ini("[project]\n\ncustom_functions = gone/functions.py\n")
    assert errors(path) == [
        f"3 [project] custom_functions: '{tmp_path}/gone/functions.py' does not exist; "
        "the path is relative to the working directory"
    ]
