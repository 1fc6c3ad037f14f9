"""From a model's numbers to the answer a user reads: one file per task, named like it, or ``answer.py`` of a recipe.

A file defines ``class Form``: see :class:`AnswerForm` in base.py. Loads no torch.
"""

import pkgutil
from importlib import import_module
from typing import Any

from auto_train.answers.base import Answer, AnswerForm, ModelDescription, PlainForm
from auto_train.errors import BundleError, TaskContractError
from auto_train.registry import ANSWER_FILE, load_module, recipes

__all__ = [
    "Answer",
    "AnswerForm",
    "ModelDescription",
    "PlainForm",
    "answer_form",
    "built_in_forms",
    "built_in_tasks",
    "find_form",
    "is_served",
]

_SHARED = {"base", "draw", "words"}
_MEMBERS = ("Schema", "answer", "difference", "words", "draw")


def built_in_tasks() -> list[str]:
    """Return the tasks that have a file here."""
    return sorted({module.name for module in pkgutil.iter_modules(__path__)} - _SHARED)


def built_in_forms() -> dict[str, AnswerForm]:
    """Return the forms of the files here, by task."""
    return {task: _built_in(task) for task in built_in_tasks()}


def is_served(task: str) -> bool:
    """Tell whether it is known how a task's answers read."""
    return find_form(task) is not None


def answer_form(task: str) -> AnswerForm:
    """Return the form of a task's answers.

    Raises:
        BundleError: it is not known, so the task is not served. TaskContractError: answer.py of its recipe fails.
    """
    if (form := find_form(task)) is None:
        own = {name for name, recipe in recipes().items() if (recipe.folder / ANSWER_FILE).is_file()}
        allowed = ", ".join(sorted(own.union(built_in_tasks())))
        raise BundleError(f"the model's task '{task}' cannot be served", allowed=allowed)
    return form


def find_form(task: str) -> AnswerForm | None:
    """Return the form of a task's answers; None: neither is there a file here, nor has its recipe an answer.py.

    Raises:
        TaskContractError: answer.py of the recipe fails, or defines no whole ``Form``.
    """
    if task in built_in_tasks():
        return _built_in(task)
    recipe = recipes().get(task)
    if recipe is None or (module := load_module(recipe, ANSWER_FILE)) is None:
        return None
    cls: Any = getattr(module, "Form", None)
    if missing := [name for name in _MEMBERS if not hasattr(cls, name)]:
        raise TaskContractError(
            f"class Form lacks {', '.join(missing)}" if cls else "there is no class Form",
            where=str(recipe.folder / ANSWER_FILE),
            hint="class Form(PlainForm), from auto_train.answers import PlainForm, inherits what it does not define",
        )
    own: AnswerForm = cls()
    return own


def _built_in(task: str) -> AnswerForm:
    form: AnswerForm = import_module(f"{__name__}.{task}").Form()
    return form
