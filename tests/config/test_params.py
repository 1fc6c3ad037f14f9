"""Arguments of optimizer and scheduler: what lint lets pass, torch takes."""

import inspect
from itertools import product

import pytest

from auto_train.config import lint_config, load_config
from auto_train.config.params import OPTIMIZERS, SCHEDULERS

VALUES = ("0", "0.5", "1", "-1", "2", "true", "none", "word", "[0.9, 0.99]", "[0.9]", "[0.9, 1]", "0.9, 0.99", "min")


def is_refused(path, *overrides: str) -> bool:
    return any(at.level == "error" for at in lint_config(path, overrides))


def test_arguments_are_those_of_torchs_classes():
    from auto_train.common.optimize import OPTIMIZERS as MAKERS
    from auto_train.training.optim.torch_schedule import OURS
    from auto_train.training.optim.torch_schedule import SCHEDULERS as CLASSES

    for name, make in MAKERS.items():
        assert set(OPTIMIZERS[name]) == set(inspect.signature(make).parameters) - {"params"}, name
    for name, found in SCHEDULERS.items():
        assert set(found) == set(inspect.signature(CLASSES[name]).parameters) - set(OURS), name


def test_what_lint_lets_pass_is_taken_by_torch(write_ini):
    from auto_train.common.optimize import check_optimisation

    ini = write_ini("[project]\nname = a\n[training.scheme]\nlearning_rate = 1e-3\n")
    passed = 0
    for kind, table in (("optimizer", OPTIMIZERS), ("scheduler", SCHEDULERS)):
        for name, arguments in table.items():
            for key, value in product(arguments, VALUES):
                texts = [f"training.scheme.{kind}={name}", f"training.scheme.{kind}_params.{key}={value}"]
                if not is_refused(ini, *texts):
                    check_optimisation(load_config(ini, texts))
                    passed += 1
    assert passed > 150


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("adamw", "betas = [0.9, 1]"),
        ("adamw", "betas = 0.9"),
        ("adamw", "eps = -1"),
        ("adamw", "momentum = 0.9"),
        ("adam", "amsgrad = maybe"),
        ("sgd", "momentum = -0.1"),
        ("sgd", "momentum = 0\nnesterov = true"),
        ("sgd", "dampening = 0.1\nnesterov = true"),
        ("sgd", "foreach = true"),
        ("adam", "differentiable = true"),
        ("rmsprop", "alpha = -1"),
        ("rmsprop", "fused = true"),
    ],
)
def test_optimizer_argument_that_torch_refuses_is_an_error_at_its_line(write_ini, name: str, lines: str):
    ini = write_ini(
        f"[training.scheme]\noptimizer = {name}\nscheduler = cosine\n[training.scheme.optimizer_params]\n{lines}\n"
    )
    (problem,) = lint_config(ini)
    assert problem.level == "error" and problem.line in (5, 6)
    assert problem.section == "training.scheme.optimizer_params"


@pytest.mark.parametrize(
    ("name", "line", "near"),
    [
        ("step", "step_sise = 2", "step_size"),
        ("step", "step_size = 0", "int >= 1"),
        ("cosine", "gamma = 0.1", "T_max"),
        ("plateau", "factor = 1.5", "float < 1"),
        ("plateau", "mode = maximum", "min, max"),
    ],
)
def test_scheduler_argument_that_torch_refuses_is_an_error_with_what_is_allowed(
    write_ini, name: str, line: str, near: str
):
    ini = write_ini(f"[training.scheme]\nscheduler = {name}\n[training.scheme.scheduler_params]\n{line}\n")
    (problem,) = lint_config(ini)
    assert (problem.level, problem.line) == ("error", 4)
    assert near in problem.message


def test_list_of_an_optimizer_is_read_without_brackets(write_ini):
    import torch

    from auto_train.common.optimize import create_optimizer

    ini = write_ini("[training.scheme]\nscheduler = step\n[training.scheme.optimizer_params]\nbetas = 0.8, 0.9\n")
    optimizer = create_optimizer(load_config(ini))([torch.zeros(1, requires_grad=True)])
    assert optimizer.defaults["betas"] == (0.8, 0.9)
