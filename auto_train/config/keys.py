"""The keys an override may name, found without running any code that an INI names."""

import os
from pathlib import Path

from auto_train import registry
from auto_train.config.declare import declare
from auto_train.config.load import DEFAULT_TASK
from auto_train.config.read import project_type, read_layers
from auto_train.config.spec import ANY, Spec
from auto_train.errors import AutoTrainError


def list_known_keys(path: Path | str | None = None, task: str = DEFAULT_TASK) -> dict[str, Spec]:
    """Return every key of a recipe, and those that an INI and its bases add, by dotted path with what each takes.

    Args:
        path: the INI; what cannot be read of it adds nothing.
        task: the recipe, where the INI names none.

    Raises:
        UsageError: there is no such task.
    """
    file = Path(os.path.expanduser(path)).absolute() if path else None  # noqa: PTH111 - as in load.py
    layers = read_layers(file, "ini")[0] if file else []
    entry = project_type(layers)
    try:
        recipe = registry.recipe(entry.text.strip("\"' ") if entry else task)
    except AutoTrainError:
        recipe = registry.recipe(task)
    found = {f"{section}.{key}": spec for (section, key), spec in declare(recipe).specs.items()}
    for layer in layers:
        for at in layer.entries:
            found.setdefault(f"{at.section}.{at.key}", ANY)
    return found
