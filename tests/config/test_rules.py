"""Values that every spec lets pass and that would have no effect, or another one than their place says."""

import inspect
from pathlib import Path

import pytest

from auto_train.config import json_schema, lint_config, load_config
from auto_train.config.rules import TAKEN
from auto_train.errors import ConfigError

INIS = Path(__file__).parents[1] / "inis"
PREPROCESS = "@preprocess_function = my_preprocess\nimage_size = {}\n"


def errors(path: Path, overrides: list[str] | None = None) -> list[str]:
    return [str(problem) for problem in lint_config(path, overrides or ()) if problem.level == "error"]


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_backbone_argument_that_is_taken_says_what_to_use_instead(write_ini, name: str):
    path = write_ini(f"[architecture.backbone.args]\nwidth = 3\n{name} = 3\n")
    (problem,) = errors(path)
    assert problem == f"{path}:3 [architecture.backbone.args] {name}: '{name}' cannot be given here; {TAKEN[name]}"


def test_backbone_arguments_taken_are_all_those_of_create_timm_model():
    from auto_train.models.backbone import create_timm_model

    own = inspect.signature(create_timm_model).parameters
    assert {name for name, found in own.items() if found.kind is not found.VAR_KEYWORD} <= set(TAKEN)


def test_backbone_argument_that_is_taken_is_refused_as_an_override(write_ini):
    with pytest.raises(ConfigError, match=r"override architecture\.backbone\.args\.arch: 'arch' cannot be given here"):
        load_config(write_ini("[project]\nname = a\n"), ["architecture.backbone.args.arch=resnet50"])


def test_preprocess_repeated_for_testing_is_no_problem():
    assert lint_config(INIS / "classification.ini") == []


@pytest.mark.parametrize(
    ("training", "testing"),
    [
        (PREPROCESS.format(64), PREPROCESS.format(32)),
        ("", PREPROCESS.format(32)),
        (PREPROCESS.format(64), "size = 32\n"),
    ],
)
def test_preprocess_that_differs_for_testing_is_refused(write_ini, training: str, testing: str):
    path = write_ini(f"[training.preprocess]\n{training}[testing.preprocess]\n{testing}")
    (problem,) = errors(path)
    line, key = training.count("\n") + 3, testing.split()[0]
    assert problem == (
        f"{path}:{line} [testing.preprocess] {key}: "
        "this section differs from [training.preprocess], which the model has; remove it"
    )


def test_preprocess_with_a_value_that_cannot_be_read_has_that_problem_alone(write_ini):
    text = PREPROCESS.format("large")
    path = write_ini(f"[training.preprocess]\n{text}[testing.preprocess]\n{PREPROCESS.format(32)}")
    (problem,) = errors(path)
    assert ":3 [training.preprocess] image_size: 'large' is no number" in problem


@pytest.mark.parametrize("text", ["rnd-m9", "rand-m99", "rand-m9-m8"])
def test_randaugment_that_is_not_understood_is_named_with_its_line(write_ini, text: str):
    path = write_ini(f"[training.scheme]\naa = {text}\n")
    (problem,) = errors(path)
    assert problem.startswith(f"{path}:2 [training.scheme] aa: cannot read RandAugment '{text}'; allowed: rand, then")


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("export", "formats = onx", "'onx' is not one of them (allowed: one of onnx)"),
        ("export", "formats = onnx, onx", "'onx' is not one of them (allowed: one of onnx)"),
        (
            "project.data",
            "format = folder",
            "'folder' is not one of them (allowed: one of auto, folders, csv, idx, digi",
        ),
        (
            "project.data",
            "fallback = builtin:digit",
            "'builtin:digit' is not one of them (allowed: one of builtin:digi",
        ),
    ],
)
def test_name_that_nothing_answers_to_is_named_with_its_line(write_ini, section: str, line: str, message: str):
    path = write_ini(f"[{section}]\n{line}\n")
    (problem,) = errors(path)
    assert problem.startswith(f"{path}:2 [{section}] {line.split()[0]}: {message}")


def test_formats_of_data_are_those_that_have_a_reader():
    from auto_train.data.fetch.source import BUILTINS
    from auto_train.data.readers import FORMATS

    keys = json_schema("classification")["properties"]["project"]["properties"]["data"]["properties"]
    assert set(keys["format"]["enum"]) == {"auto", *FORMATS}
    assert set(keys["fallback"]["enum"]) == {None, *(f"builtin:{name}" for name in BUILTINS)}


def test_time_budget_of_a_strictly_reproducible_training_is_refused(write_ini):
    path = write_ini("[training]\nreproducible = strict\nminutes = 10\n")
    (problem,) = errors(path)
    assert problem == (
        f"{path}:3 [training] minutes: how many epochs fit depends on the machine's speed, "
        "so [training] reproducible = strict cannot be kept; remove one of them"
    )
    with pytest.raises(ConfigError, match=r"override training\.minutes: how many epochs fit depends"):
        load_config(write_ini("[training]\nreproducible = strict\n"), ["training.minutes=10"])


@pytest.mark.parametrize(
    "text", ["minutes = 10\n", "reproducible = strict\n", "reproducible = strict\nminutes = none\n"]
)
def test_time_budget_or_strict_alone_is_no_problem(write_ini, text: str):
    assert errors(write_ini(f"[training]\n{text}")) == []
