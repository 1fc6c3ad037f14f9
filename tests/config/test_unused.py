"""Nothing is dropped silently: what a recipe refuses is an error, what has no effect a warning, each at its line."""

import pytest

from auto_train.config import lint_config, load_config
from auto_train.config.schema import declare_task

Found = list[tuple[str, int | None, str]]


def find_unused(path, *overrides: str) -> Found:
    return [(at.level, at.line, at.key) for at in lint_config(path, overrides)]


@pytest.mark.parametrize(
    ("task", "lines", "expected"),
    [
        ("object_detection", "[training.scheme]\nmixup = 0.2", ("error", 4, "mixup")),
        ("object_detection", "[training.scheme]\ncutmix = 1", ("error", 4, "cutmix")),
        ("object_detection", "[training.scheme]\naa = rand-m9", ("error", 4, "aa")),
        ("segmentation", "[training.scheme]\nmixup = 0.2", ("error", 4, "mixup")),
        ("segmentation", "[training.scheme]\naa = rand-m9", ("error", 4, "aa")),
        ("regression", "[training.scheme]\ncutmix = 0.2", ("error", 4, "cutmix")),
        ("object_detection", "[architecture.head]\nx = 1", ("error", 4, "x")),
        ("segmentation", "[architecture.head]\nx = 1", ("error", 4, "x")),
        ("object_detection", "[architecture.backbone]\ndrop_rate = 0.2", ("warning", 4, "drop_rate")),
        ("classification", "[training.scheme]\nwarmup_epochs = 1", ("warning", 4, "warmup_epochs")),
        ("classification", "[training.scheme.scheduler_params]\ngamma = 0.5", ("warning", 4, "gamma")),
        (
            "classification",
            "[training.scheme]\nscheduler = constant\n[training.scheme.scheduler_params]\ngamma = 0.5",
            ("warning", 6, "gamma"),
        ),
        ("classification", "[training]\nminutes = 3\n[training.scheme]\nepochs = 40", ("warning", 6, "epochs")),
        ("segmentation", "[training]\nminutes = 3\n[training.scheme]\nepochs = 40", ("warning", 6, "epochs")),
        ("classification", "[training.scheme.optimizer_params]\nlr = 0.1", ("warning", 4, "lr")),
        ("classification", "[training.scheme.optimizer_params]\nweight_decay = 0.1", ("warning", 4, "weight_decay")),
        ("classification", "[training.scheme.optimizer_params]\nbetas = [0.8, 0.9]", ("warning", 4, "betas")),
        ("classification", "[training]\ntrain_dir = a\n[training.data]\ntrain_dir = b", ("warning", 4, "train_dir")),
        (
            "classification",
            "[training]\ntrain_ratio = 0.7\n[project.data]\nvalid_fraction = 0.1",
            ("warning", 6, "valid_fraction"),
        ),
    ],
)
def test_key_that_a_task_cannot_use_is_reported_at_its_line(
    write_ini, task: str, lines: str, expected: tuple[str, int, str]
):
    assert find_unused(write_ini(f"[project]\ntype = {task}\n{lines}\n")) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        "[training.scheme]\nscheduler = cosine\nwarmup_epochs = 1",
        "[training.scheme]\nscheduler = constant\nwarmup_epochs = 1",
        "[training.scheme]\nscheduler = step\n[training.scheme.scheduler_params]\ngamma = 0.5",
        "[training.scheme]\nscheduler = cosine\n[training.scheme.optimizer_params]\nbetas = [0.8, 0.9]",
        "[training.scheme]\nmixup = 0.2\ncutmix = 1\n[architecture.backbone]\ndrop_rate = 0.2",
        "[training]\ntrain_dir = a\n[training.data]\ntrain_dir = ${training.train_dir}",
        "[training]\ntrain_ratio = 0.7\n[project.data]\nvalid_fraction = 0.3",
    ],
)
def test_key_with_its_effect_is_no_problem(write_ini, lines: str):
    assert find_unused(write_ini(f"{lines}\n")) == []


@pytest.mark.parametrize("task", ["classification", "multilabel", "object_detection", "regression", "segmentation"])
def test_config_of_a_run_which_states_every_default_is_no_problem(write_ini, task: str):
    text = load_config(write_ini(f"[project]\ntype = {task}\n")).to_ini()
    assert find_unused(write_ini(text)) == []


def test_reason_of_the_recipe_is_in_the_message(write_ini):
    (problem,) = lint_config(write_ini("[project]\ntype = regression\n[training.scheme]\nmixup = 0.2\n"))
    reason = declare_task("regression").specs["training.scheme", "mixup"].unused
    assert reason[0] == "refused" and reason[1] in problem.message


def test_override_that_has_no_effect_is_named(write_ini):
    assert find_unused(write_ini("[project]\nname = a\n"), "training.scheme.warmup_epochs=1") == [
        ("warning", None, "warmup_epochs")
    ]
