"""What a spec cannot say of a value: names that are taken, sections that must agree, a notation of its own."""

from collections.abc import Iterator
from dataclasses import replace

from auto_train.config.agree import check_values
from auto_train.config.params import check_params
from auto_train.config.problem import Problem
from auto_train.config.randaugment import read_randaugment
from auto_train.config.read import describe
from auto_train.config.timm_models import check_backbone
from auto_train.config.variables import Variables
from auto_train.errors import UsageError

# Keys of older INIs → those of today (older.py)
SAID_TWICE = {
    ("architecture", "size"): ("architecture", "image_size"),
    ("architecture", "pretrained"): ("architecture.backbone", "pretrained"),
}
# Arguments of create_timm_model, and of timm's that it sets itself → what to use instead
TAKEN = {
    "arch": "use [architecture.backbone] model",
    "pretrained": "use [architecture.backbone] pretrained",
    "weights": "use [architecture.backbone] weights",
    "checkpoint_path": "use [architecture.backbone] weights",
    "pretrained_cfg": "use [architecture.backbone] weights",
    "pretrained_cfg_overlay": "use [architecture.backbone] weights",
    "stem": "use [architecture.backbone] stem",
    "drop_rate": "use [architecture.backbone] drop_rate",
    "image_size": "use [architecture] image_size",
    "n_out": "use [project] num_classes",
    "num_classes": "use [project] num_classes",
    "n_classes": "use [project] num_classes",
    "custom_head": "use [architecture.head]",
    "init": "use [architecture.head], which may fill its own weights",
    "concat_pool": "remove it: features are pooled by their mean",
    "cut": "remove it: the whole backbone is used",
    "features_only": "remove it: the whole backbone is used",
    "n_in": "remove it: images are RGB, so there are always 3 channels",
    "in_chans": "remove it: images are RGB, so there are always 3 channels",
}


def check_rules(variables: Variables) -> list[Problem]:
    """Return a problem for each value that means something else than its place says; values must be final."""
    checks = (
        _check_taken,
        _check_preprocess,
        _unread_notation,
        _strict_in_a_time,
        _check_said_twice,
        check_backbone,
        check_params,
        check_values,
    )
    return [problem for check in checks for problem in check(variables)]


def _check_taken(variables: Variables) -> Iterator[Problem]:
    for (section, key), cell in variables.cells.items():
        if section == "architecture.backbone.args" and key in TAKEN:
            yield cell.entry.problem(f"'{key}' cannot be given here; {TAKEN[key]}")


def _check_preprocess(variables: Variables) -> Iterator[Problem]:
    if ("testing.preprocess", "@augmentations") in variables.cells:
        return  # what an image is resized by; the model does that itself
    both = [at for at in variables.cells if at[0].partition(".")[2].partition(".")[0] == "preprocess"]
    testing = [variables.cells[at].entry for at in both if at[0].startswith("testing.")]
    are_final = all(variables.settle(at) for at in both)
    if testing and are_final and variables.mapping("testing.preprocess") != variables.mapping("training.preprocess"):
        yield testing[0].problem("this section differs from [training.preprocess], which the model has; remove it")


def _unread_notation(variables: Variables) -> Iterator[Problem]:
    cell = variables.cells.get(("training.scheme", "aa"))
    if cell and cell.value is not None:
        try:
            read_randaugment(cell.value)
        except UsageError as error:
            yield cell.entry.problem(describe(error))


def _strict_in_a_time(variables: Variables) -> Iterator[Problem]:
    minutes, reproducible = (variables.cells.get(("training", key)) for key in ("minutes", "reproducible"))
    if minutes and minutes.value is not None and reproducible and reproducible.value == "strict":
        yield minutes.entry.problem(
            "how many epochs fit depends on the machine's speed, so [training] reproducible = strict cannot be kept; "
            "remove one of them"
        )


def _check_said_twice(variables: Variables) -> Iterator[Problem]:
    """Warn of an older key beside one of today that says something else."""
    for older, today in SAID_TWICE.items():
        old, new = variables.cells.get(older), variables.cells.get(today)
        if old and new and old.value is not None and old.value != new.value:
            message = f"'{old.text}' has no effect: [{today[0]}] {today[1]} is {new.text}"
            yield replace(old.entry.problem(message), level="warning")
