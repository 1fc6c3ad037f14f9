import pytest

from auto_train.cli.overrides import as_positional
from auto_train.errors import UsageError

VALUED = {"--config", "--task"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--training.scheme.epochs", "3"], ["training.scheme.epochs=3"]),
        (["--training.scheme.epochs=3"], ["training.scheme.epochs=3"]),
        (["training.scheme.epochs=3"], ["training.scheme.epochs=3"]),
        (["--a.b", "-1e-3"], ["a.b=-1e-3"]),
        (["a.b=", "a.c=x=y z"], ["a.b=", "a.c=x=y z"]),
        (
            ["--training.data.load_datablocks.@load_function=mine"],
            ["training.data.load_datablocks.@load_function=mine"],
        ),
        (["a.b=1", "--config", "x.ini", "--json", "--c.d", "2"], ["--config", "x.ini", "--json", "a.b=1", "c.d=2"]),
        (["--config", "a.b=c"], ["--config", "a.b=c"]),
        (["--config=x.ini", "--unknown"], ["--config=x.ini", "--unknown"]),
    ],
)
def test_override_in_any_form_and_place_becomes_key_equals_value(words: list[str], expected: list[str]) -> None:
    assert as_positional(words, VALUED) == expected


@pytest.mark.parametrize("words", [["--a.b"], ["--a.b", "--json"]])
def test_override_without_value_is_refused_with_both_ways_to_write_it(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"--a\.b has no value\n  write --a\.b VALUE or a\.b=VALUE"):
        as_positional(words, VALUED)


@pytest.mark.parametrize("word", ["epochs=3", "nonsense", "a.b"])
def test_word_that_is_no_override_is_refused_with_the_form(word: str) -> None:
    with pytest.raises(UsageError, match=rf"'{word}' is no override \(allowed: section\.key=value\)"):
        as_positional([word], VALUED)


def test_ini_without_option_is_refused_with_the_option() -> None:
    with pytest.raises(UsageError, match=r"did you mean --config=configs/mnist\.ini\?"):
        as_positional(["configs/mnist.ini"], VALUED)
