"""Keys that a recipe refuses or does not use, and keys without effect beside others: nothing is dropped silently."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from auto_train.config.declare import Declarations
from auto_train.config.problem import Problem
from auto_train.config.scan import Entry
from auto_train.config.spec import Spec
from auto_train.config.values import cast
from auto_train.config.variables import Address, Variables

SCHEME, PARAMS = "training.scheme", "training.scheme.scheduler_params"
# Keys of [training] that [training.data] has too; what stands there wins.
FOLDERS = ("train_dir", "validation_dir", "test_dir", "images_dir", "annotations_file")
# Optimizer parameters that have a key of their own, and those that one_cycle moves.
OWN_KEYS = {"lr": "learning_rate", "weight_decay": "weight_decay"}
MOMENTUMS = ("momentum", "betas")


def check_unused(variables: Variables, declared: Declarations) -> list[Problem]:
    """Return an error for each key that the recipe refuses, and a warning for each that has no effect."""
    checks = (_warm_up, _schedule, _optimizer, _check_said_by_folders, _shares, _sources)
    texts = [problem for check in checks for problem in check(variables)]
    return [*_check_declared_unused(variables, declared), *_budget(variables, declared), *texts]


def _budget(variables: Variables, declared: Declarations) -> Iterator[Problem]:
    """Warn of a number of epochs beside a time budget; 0 has an effect: the frozen stage is the last one then."""
    minutes, epochs = _value(variables, ("training", "minutes")), _value(variables, (SCHEME, "epochs"))
    if minutes is not None and epochs and epochs != _default(declared, SCHEME, "epochs"):
        yield _make_warning(
            variables.cells[SCHEME, "epochs"].entry,
            f"'{epochs}' has no effect with [training] minutes = {minutes:g}, which plans the epochs; keep one of them",
        )


def _check_declared_unused(variables: Variables, declared: Declarations) -> Iterator[Problem]:
    for (section, key), spec in declared.specs.items():
        cell = variables.cells.get((section, key))
        if (
            spec.unused[0]
            and cell
            and variables.settle((section, key))
            and cell.value != _default(declared, section, key)
        ):
            yield _make_unused_problem(cell.entry, spec, f"'{cell.text}'")
    for section, spec in declared.free.items():
        cells = [cell for at, cell in variables.cells.items() if at[0] == section]
        if spec.unused[0] and cells:
            yield _make_unused_problem(cells[0].entry, spec, "this section")


def _make_unused_problem(entry: Entry, spec: Spec, what: str) -> Problem:
    kind, why = spec.unused
    if kind == "refused":
        return entry.problem(f"{what} cannot be used here: {why}; remove it")
    return _make_warning(entry, f"{what} has no effect here: {why}; remove it")


def _default(declared: Declarations, section: str, key: str) -> Any:
    texts = [at.text for layer in declared.layers for at in layer.entries if (at.section, at.key) == (section, key)]
    return cast(texts[-1], declared.specs[section, key])


def _warm_up(variables: Variables) -> Iterator[Problem]:
    if _value(variables, (SCHEME, "scheduler")) == "one_cycle" and _value(variables, (SCHEME, "warmup_epochs")):
        entry = variables.cells[SCHEME, "warmup_epochs"].entry
        yield _make_warning(
            entry, "has no effect with scheduler = one_cycle, which has a warm-up of its own; remove it, or take cosine"
        )


def _schedule(variables: Variables) -> Iterator[Problem]:
    name = _value(variables, (SCHEME, "scheduler"))
    cells = [cell for at, cell in variables.cells.items() if at[0] == PARAMS]
    if name in ("one_cycle", "constant") and cells:
        yield _make_warning(
            cells[0].entry,
            f"[{PARAMS}] has no effect with scheduler = {name}; remove it, or set [{SCHEME}] scheduler to step, cosine "
            "or plateau",
        )


def _optimizer(variables: Variables) -> Iterator[Problem]:
    section = f"{SCHEME}.optimizer_params"
    moved = _value(variables, (SCHEME, "scheduler")) == "one_cycle"
    for (at, key), cell in variables.cells.items():
        if at == section and key in OWN_KEYS:
            yield _make_warning(cell.entry, f"has no effect here; set [{SCHEME}] {OWN_KEYS[key]} instead")
        elif at == section and key in MOMENTUMS and moved and cell.value:
            yield _make_warning(
                cell.entry,
                "its momentum has no effect with scheduler = one_cycle, which moves it between 0.95 and 0.85; remove "
                f"it, or set [{SCHEME}] scheduler to another one",
            )


def _check_said_by_folders(variables: Variables) -> Iterator[Problem]:
    for key in FOLDERS:
        old, new = _value(variables, ("training", key)), _value(variables, ("training.data", key))
        if old is not None and new is not None and old != new:
            entry = variables.cells["training", key].entry
            yield _make_warning(entry, f"'{old}' has no effect: [training.data] {key} is {new}; keep one of them")


def _shares(variables: Variables) -> Iterator[Problem]:
    """Warn of a share for validation beside one for training that says something else."""
    ratio, address = _value(variables, ("training", "train_ratio")), ("project.data", "valid_fraction")
    fraction = _value(variables, address)
    if ratio is None or fraction is None or abs(1 - ratio - fraction) < 1e-9:
        return
    entry = variables.cells[address].entry
    if entry.origin.kind != "default":
        yield _make_warning(entry, f"'{fraction}' has no effect: [training] train_ratio is {ratio}; keep one of them")


def _sources(variables: Variables) -> Iterator[Problem]:
    """Warn of sources beside a function that brings the data."""
    functions = [at[0] for at in variables.cells if at[1] == "@download_function"]
    if functions and _value(variables, ("project", "data_source_url")):
        entry = variables.cells["project", "data_source_url"].entry
        yield _make_warning(
            entry, f"has no effect: the download_function of [{functions[0]}] brings the data; keep one of them"
        )


def _value(variables: Variables, address: Address) -> Any:
    return variables.cells[address].value if address in variables.cells and variables.settle(address) else None


def _make_warning(entry: Entry, message: str) -> Problem:
    return replace(entry.problem(message), level="warning")
