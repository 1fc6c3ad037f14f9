"""A recipe of one's own: a copy of one that works, under another name, in ``./recipes``. Loads no torch."""

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from auto_train.answers import built_in_tasks
from auto_train.errors import UsageError
from auto_train.registry import ANSWER_FILE, OWN_RECIPES, RECIPE_FILES, Recipe, recipe, recipes

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_LETTERS = 40
# What a newcomer changes, in the order in which a task takes form.
EDIT = {
    "model.py": "targets, loss, metrics, and how outputs become answers",
    "config.ini": "keys of its own, each with its type and meaning above it",
    ANSWER_FILE: "how an answer reads, for programs and for people",
    "custom_functions.py": "functions its INIs may name",
}
# The copy answers as its source does until it says otherwise.
ANSWER = '''\
"""How an answer of {name} reads: as one of {source}, until something here says otherwise."""

from auto_train.answers import {source}


class Form({source}.Form):
    """Define what differs: answer, difference, words, draw, Schema; see auto_train/answers/base.py."""
'''


@dataclass(frozen=True, kw_only=True)
class NewRecipe:
    """What was made.

    Attributes:
        name: of the task, what ``project.type`` says.
        folder: relative to the working directory.
        source: the recipe it was copied from.
        edit: what to change first, by file.
        next: a command that trains with it.
    """

    name: str
    folder: Path
    source: str
    edit: dict[str, str]
    next: str


def copy_recipe(name: str, source: str) -> NewRecipe:
    """Copy a recipe's files to ``./recipes/<name>``, its names changed.

    Raises:
        UsageError: no such recipe; a name that cannot be one, or is taken; a folder that is there.
    """
    _check_name(name)
    origin, folder = recipe(source), Path(OWN_RECIPES) / name
    copy = Recipe(name=name, folder=folder, package=f"{OWN_RECIPES}.{name}")
    files = {"__init__.py": f'"""{name}: begun as a copy of {source}."""\n'}
    own_answer = (ANSWER_FILE,) if (origin.folder / ANSWER_FILE).is_file() else ()
    for file in (*RECIPE_FILES, *own_answer):
        files[file] = _rename((origin.folder / file).read_text(encoding="utf-8"), file, origin, copy)
    if source in built_in_tasks():
        files[ANSWER_FILE] = ANSWER.format(name=name, source=source)
    try:
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the recipe cannot be written: {error.strerror}", where=str(folder.absolute())) from error
    edit = {str(folder / file): what for file, what in EDIT.items()}
    command = f"python main.py train --config=INI project.type={name}"
    return NewRecipe(name=name, folder=folder, source=source, edit=edit, next=command)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_LETTERS:
        raise UsageError(
            f"'{name[:80]}' cannot be a recipe's name: it becomes a package and a class",
            allowed=f"small letters, digits and single _ between them, a letter first, at most {MAX_LETTERS}",
        )
    if (Path(__file__).parents[1] / name).exists() or name in recipes() or (Path(OWN_RECIPES) / name).exists():
        raise UsageError(f"'{name}' is there already", hint="take another name, or edit the recipe that is there")


def _rename(text: str, file: str, origin: Recipe, copy: Recipe) -> str:
    """Return a file of the source as one of the copy."""
    if file == "config.ini":
        return re.sub(rf"^type = {origin.name}$", f"type = {copy.name}", text, flags=re.MULTILINE)
    return text.replace(f"{origin.package}.", f"{copy.package}.").replace(origin.model_name, copy.model_name)
