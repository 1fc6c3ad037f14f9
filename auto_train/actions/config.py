"""From an INI to a checked config and the files of its recipe."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.errors import UsageError

if TYPE_CHECKING:
    from auto_train.config import Config


def open_config(
    config: "Config | Path | str | None", overrides: Sequence[str] = (), *, task: str | None = None
) -> "Config":
    """Load an INI and check that its recipe is the one asked for.

    Raises:
        UsageError: an unknown task, or one that contradicts the INI; overrides of a config already loaded.
    """
    from auto_train.config import Config, load_config
    from auto_train.config.load import DEFAULT_TASK
    from auto_train.registry import recipe

    if task is not None:
        recipe(task)  # one that does not exist is said before anything of the INI
    if isinstance(config, Config):
        if overrides:
            raise UsageError("a config already loaded takes no overrides", hint="give them to load_config")
        loaded = config
    else:
        loaded = load_config(config, overrides, default_task=task or DEFAULT_TASK)
    if task in (None, loaded.recipe.name):
        return loaded
    raise UsageError(
        f"--task={task} contradicts project.type = {loaded.recipe.name}",
        where=str(loaded.origin("project.type")),
        hint="leave --task out, or change the INI",
    )


def recipe_module(config: "Config", module: str) -> Any:
    """Import one file of the config's recipe; a recipe is found by name, never imported by one above it."""
    return import_module(f"{config.recipe.package}.{module}")
