from pathlib import Path
from typing import Any, Literal

import pytest

from auto_train.config.spec import argument_spec, parse_spec


def test_spec_has_range_and_meaning():
    spec = parse_spec("int >= 1 or none · images per step\nand device")
    assert (spec.type, spec.low, spec.optional) == ("int", 1, True)
    assert spec.text == "int >= 1 or none"
    assert spec.meaning == "images per step and device"


@pytest.mark.parametrize("resume", ["safe", "re-plans", "refused, the splits are frozen · as ever"])
def test_spec_ends_in_what_a_resume_makes_of_a_change(resume: str):
    spec = parse_spec(f"int >= 1 · images\nper step · resume: {resume}")
    assert (spec.text, spec.meaning, spec.resume) == ("int >= 1", "images per step", resume)
    assert parse_spec("int >= 1 · images per step").resume == ""


@pytest.mark.parametrize("resume", ["", "maybe", "refused", "refused, ", "safe, mostly"])
def test_spec_with_another_word_for_a_resume_is_refused(resume: str):
    with pytest.raises(ValueError, match=r"'resume: .*' is none of 'resume: safe', 're-plans' and 'refused, WHY'"):
        parse_spec(f"int · images · resume: {resume}")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("float > 0", [1e-9], [0, -1]),
        ("float >= 0", [0], [-1e-9]),
        ("float < 1", [0.999], [1]),
        ("float <= 1", [1], [1.001]),
        ("float 0..0.9", [0, 0.9], [-0.1, 0.91]),
        ("float -1..1e3", [-1, 1000], [-1.1, 1001]),
        ("int 8..2048", [8, 2048], [7, 2049]),
    ],
)
def test_spec_range_holds_what_it_says(text: str, inside: list[float], outside: list[float]):
    spec = parse_spec(text)
    assert all(map(spec.accepts, inside))
    assert not any(map(spec.accepts, outside))


def test_spec_of_a_list_holds_the_spec_of_its_items():
    spec = parse_spec("list of int 0..9 or none · digits")
    assert spec.item
    assert (spec.type, spec.optional, spec.item.type, spec.item.high) == ("list", True, "int", 9)


def test_spec_choices_are_values():
    assert parse_spec("one of auto, true, none, 2, 0.5").choices == ("auto", True, None, 2, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("integer >= 1", "'integer >= 1' is no spec"),
        ("", "'' is no spec"),
        ("str >= 1", "'str >= 1' is no spec"),
        ("int => 1", "'=> 1' in 'int => 1' is no range"),
        ("int 9..1", "the range '9..1' in 'int 9..1' is empty"),
        ("one of a,, b", "a choice is empty"),
        ("list of", "is no spec"),
        ("list of lists", "'lists' is no spec"),
    ],
)
def test_spec_that_is_malformed_is_refused_with_the_grammar(text: str, message: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        parse_spec(f"{text} · meaning")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, ("int", False)),
        (bool, ("bool", False)),
        (float | None, ("float", True)),
        (str, ("str", False)),
        (Path, ("path", False)),
        (list[int], ("list", False)),
        (list, ("list", False)),
        (Literal["a", "b"], ("choice", False)),
        (dict[str, int], ("any", False)),
        (int | str, ("any", False)),
        (Any, ("any", False)),
    ],
)
def test_spec_of_an_annotation_is_the_nearest_type(hint: Any, expected: tuple[str, bool]):
    spec = argument_spec(hint)
    assert (spec.type, spec.optional) == expected
