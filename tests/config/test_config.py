import copy
import pickle
from pathlib import Path

import pytest

from auto_train.config import AttrDict, Config, load_config
from auto_train.errors import TaskContractError, UsageError

ORIGINAL = Path(__file__).parents[1] / "inis/classification_imagenette.ini"

FUNCTIONS = """
from auto_train import registry

registry.create("part_for_tests")


@registry.head.register("pair_for_tests")
def pair(first: list[int], second: object = None, *, scale: float = 1.0):
    return [first, second, scale]


@registry.part_for_tests.register("inner_for_tests")
def inner(size: int):
    return {"size": size}


@registry.load_function.register("failing_for_tests")
def failing():
    raise RuntimeError("no data today")


@registry.postprocess_function.register("closure_for_tests")
def closure():
    return lambda answer: answer["prediction"]
"""

NESTED = """
[project]
name = nested
custom_functions = functions.py
[architecture.head]
@head = pair_for_tests
first = 1, 2
scale = 3
[architecture.head.second]
@part_for_tests = inner_for_tests
size = ${project.size}
[project.more]
[my]
size = 5
[testing.postprocess]
@postprocess_function = closure_for_tests
""".replace("${project.size}", "${my.size}")


@pytest.fixture
def nested(write_ini) -> Config:
    write_ini(FUNCTIONS, "functions.py")
    return load_config(write_ini(NESTED))


def test_config_reads_by_attribute_and_dotted_path():
    config = load_config(ORIGINAL)
    assert (
        config.training.scheme.epochs == config["training.scheme.epochs"] == config.get("training.scheme.epochs") == 2
    )
    assert config.get("training.scheme.nothing", 7) == 7
    assert "training.scheme" in config
    assert "training.nothing" not in config
    assert {"project", "training", "origin"} <= set(dir(config))
    assert config.path == ORIGINAL
    assert config.recipe.name == "classification"
    assert repr(config) == f"Config({str(ORIGINAL)!r})"


def test_config_missing_name_is_an_attribute_error_with_the_nearest():
    config = load_config(ORIGINAL)
    with pytest.raises(AttributeError, match="no key 'epoch'; did you mean 'epochs'"):
        _ = config.training.scheme.epoch
    assert getattr(config, "trainings", None) is None


def test_config_is_read_only():
    config = load_config(ORIGINAL)
    with pytest.raises(TypeError, match="config values are read-only"):
        config.training.scheme.epochs = 3
    config.to_dict()["training"]["scheme"]["epochs"] = 3
    assert config.training.scheme.epochs == 2


def test_config_section_that_names_no_function_is_absent():
    config = load_config(ORIGINAL, ["project.name=a"])
    assert "postprocess" in dir(config.testing)
    plain = load_config(ORIGINAL.with_name("classification.ini"))
    assert "postprocess" not in dir(plain.testing)
    assert "load_datablocks" not in plain.training.data
    assert (plain.has_function("testing.postprocess"), config.has_function("testing.postprocess")) == (False, True)


def test_config_is_copied_and_pickled_whole(nested: Config):
    for twin in (copy.deepcopy(nested), pickle.loads(pickle.dumps(nested))):
        assert twin == nested
        assert twin.origin("my.size") == nested.origin("my.size")
    assert nested != load_config(ORIGINAL)


def test_config_origin_and_explain_say_who_set_a_key(write_ini):
    path = write_ini("[training.scheme]\n\nepochs = ${freeze_epochs}\n")
    config = load_config(path, ["training.scheme.freeze_epochs=4"])
    about = config.explain("training.scheme.epochs")
    assert (about.value, about.written, about.default, about.spec) == (4, "${freeze_epochs}", "5", "int >= 0")
    assert about.meaning.startswith("full passes over the training split")
    assert str(about.origin) == f"{path}:3 (ini)"
    assert str(config.origin("training.scheme.freeze_epochs")) == "override"
    assert config.origin("training.scheme.batch_size").kind == "default"
    with pytest.raises(
        UsageError, match=r"there is no key 'training.scheme.epoch'\n  did you mean 'training.scheme.ep"
    ):
        config.explain("training.scheme.epoch")
    with pytest.raises(UsageError, match="there is no key 'x'"):
        config.origin("x")


def test_config_explains_an_argument_by_its_function():
    about = load_config(ORIGINAL).explain("architecture.head.num_classes")
    assert (about.value, about.spec, about.meaning) == (10, "int", "argument of head 'custom_head'")


def test_config_resolve_calls_functions_inner_ones_first_and_anew(nested: Config):
    first, second = nested.resolve("architecture.head"), nested.resolve("architecture.head")
    assert first == [[1, 2], {"size": 5}, 3.0]
    assert first is not second
    assert nested.resolve("testing.postprocess")({"prediction": "cat"}) == "cat"
    assert nested.resolve("my") == {"size": 5}


def test_config_resolve_of_no_section_is_refused(nested: Config):
    with pytest.raises(UsageError, match=r"there is no section \[training.preprocess\]"):
        nested.resolve("training.preprocess")


def test_config_resolve_names_the_function_that_fails(write_ini):
    write_ini(FUNCTIONS, "functions.py")
    path = write_ini(
        """
        [project]
        custom_functions = functions.py
        [training.data.load_datablocks]
        @load_function = failing_for_tests
        """
    )
    with pytest.raises(TaskContractError, match="fails: RuntimeError: no data today") as caught:
        load_config(path).resolve("training.data.load_datablocks")
    assert caught.value.where == f"{path}:5 [training.data.load_datablocks] @load_function"


def test_config_resolve_names_the_override_that_fails(write_ini):
    write_ini(FUNCTIONS, "functions.py")
    path = write_ini("[project]\ncustom_functions = functions.py\n")
    config = load_config(path, ["training.data.load_datablocks.@load_function=failing_for_tests"])
    with pytest.raises(TaskContractError, match=r"^override training.data.load_datablocks.@load_function: a function"):
        config.resolve("training.data.load_datablocks")


def test_config_resolved_has_return_values_in_place_of_functions(nested: Config):
    found = nested.resolve_all()
    assert type(found) is AttrDict
    assert found.architecture.head[1] == {"size": 5}
    assert found.testing.postprocess({"prediction": "dog"}) == "dog"
    assert found.training.scheme.batch_size == 64
    assert nested.architecture.head.second["@part_for_tests"] == "inner_for_tests"
