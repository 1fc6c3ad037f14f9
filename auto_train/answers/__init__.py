"""From a model's numbers to the answer a user reads: one file per task, named like it. Loads no torch.

A file defines ``answer(values, model)``, and ``difference(expected, found)`` where the largest difference between two
numbers does not tell how far two answers are apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from auto_train.bundle.golden import largest_difference
from auto_train.errors import BundleError
from auto_train.registry import recipes

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Described:
    """What an answer needs to know about the model that gave it.

    Args:
        task: name of the recipe, e.g. ``classification``.
        name: name of the project.
        labels: class names in the order of the outputs.
        facts: what else the task's answers are read with: thresholds, units.
    """

    task: str
    name: str
    labels: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


Answer = dict[str, Any]
AnswerFunction = Callable[["np.ndarray", Described], Answer]
DifferenceFunction = Callable[["np.ndarray", "np.ndarray"], float]


def is_served(task: str) -> bool:
    """Tell whether it is known how a task's answers read."""
    return _of(task, "answer") is not None


def answer_function(task: str) -> AnswerFunction:
    """Return the function for a task: that of its file here, or ``answer`` in its recipe's custom_functions.py.

    Raises:
        BundleError: no such task is served.
    """
    if (found := _of(task, "answer")) is None:
        allowed = ", ".join(sorted(name for name in recipes() if is_served(name)))
        raise BundleError(f"the model's task '{task}' cannot be served", allowed=allowed)
    return found


def difference_function(task: str) -> DifferenceFunction:
    """Return what tells how far two answers (N, …) of a model are apart; 0: they are the same."""
    return _of(task, "difference") or largest_difference


def _of(task: str, name: str) -> Any:
    if task.isidentifier() and find_spec(f"{__name__}.{task}"):
        return getattr(import_module(f"{__name__}.{task}"), name, None)
    recipe = recipes().get(task)
    return getattr(import_module(f"{recipe.package}.custom_functions"), name, None) if recipe else None
