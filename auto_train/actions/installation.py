"""Look at this installation, and add to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.actions.config import open_config

if TYPE_CHECKING:
    from auto_train.actions.copy_recipe import NewRecipe
    from auto_train.config import Config
    from auto_train.machine.examine import Examination
    from auto_train.machine.licences import Licence


def doctor(*, offline: bool = False) -> "Examination":
    """Look at this installation: versions, devices, memory, extras, folders, addresses, and what is wrong with them."""
    from auto_train.machine.examine import examine

    return examine(offline=offline)


def licenses(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    model: Path | str | None = None,
    task: str | None = None,
) -> "list[Licence]":
    """Return the licence of this program, of every package it uses, and of the weights an INI or a model started from.

    Raises:
        MissingError: this program is not installed as a package; nothing is at the path of ``model``, a run or bundle.
    """
    from auto_train.common.licences import all_licences

    return all_licences(open_config(config, overrides, task=task) if config or overrides else None, model)


def new_recipe(name: str, source: str | None = None) -> "NewRecipe":
    """Copy a recipe to ``./recipes/<name>``, where INIs of this folder find it by ``project.type``.

    Args:
        name: of the new task, in small letters.
        source: the recipe to begin from; none: classification.

    Raises:
        UsageError: no such recipe, a name that cannot be one, or a recipe or folder that is there already.
    """
    from auto_train.actions.copy_recipe import copy_recipe
    from auto_train.config.load import DEFAULT_TASK

    return copy_recipe(name, source or DEFAULT_TASK)
