"""Functions that INIs name (F2.3), and the recipes they belong to. An INI is checked in :mod:`auto_train.config`.

A project registers its own in the file that ``project.custom_functions`` names::

    from auto_train import registry

    @registry.head.register("my_head")
    def my_head(num_classes: int): ...
"""

import hashlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import catalogue  # type: ignore[import-untyped]

from auto_train.errors import TaskContractError, UsageError, did_you_mean
from auto_train.types import to_absolute

KINDS = (
    "preprocess_function",
    "load_function",
    "head",
    "postprocess_function",
    "augmentations",
    "download_function",
)
# The folder of a project's own recipes, in the working directory.
OWN_RECIPES = "recipes"
# How the answers of a recipe elsewhere read: a seventh file, of recipes that are served.
ANSWER_FILE = "answer.py"
RECIPE_FILES = ("config.ini", "custom_functions.py", "model.py", "train.py", "validate.py", "main.py")

_kinds: dict[str, catalogue.Registry] = {}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A task: the folder that solves it.

    Args:
        name: what ``project.type`` says.
        folder: holds the six files of RECIPE_FILES.
        package: the folder as a Python package, e.g. ``auto_train.classification``.
    """

    name: str
    folder: Path
    package: str

    @property
    def model_name(self) -> str:
        """What its class in model.py is called: ``ObjectDetectionModel``."""
        return self.name.title().replace("_", "") + "Model"

    @property
    def missing(self) -> tuple[str, ...]:
        """The files of the six that the folder lacks."""
        return tuple(name for name in RECIPE_FILES if not (self.folder / name).is_file())


def create(kind: str) -> catalogue.Registry:
    """Return the registry of a kind, made on first use; packages add to it by entry points ``auto_train_<kind>``."""
    if kind not in _kinds:
        _kinds[kind] = catalogue.create("auto_train", kind, entry_points=True)
    return _kinds[kind]


def kinds() -> list[str]:
    """Return the kinds an INI may write as ``@kind = name``."""
    return sorted(_kinds)


def names(kind: str) -> list[str]:
    """Return the registered names of a kind, those of installed packages included, without importing them."""
    installed = {point.name for point in entry_points(group=f"auto_train_{kind}")}
    return sorted(installed | {keys[-1] for keys in catalogue.REGISTRY if keys[:-1] == ("auto_train", kind)})


def get(kind: str, name: str) -> Callable[..., Any]:
    """Return a registered function.

    Raises:
        TaskContractError: no such kind or name; the message lists those there are. Or the package it comes from cannot
            be imported.
    """
    if kind not in _kinds:
        raise TaskContractError(f"there is no kind of function '@{kind}'", allowed=did_you_mean(kind, kinds()))
    own = catalogue.REGISTRY.get(("auto_train", kind, name))
    if own is not None:  # before the entry points, whose search costs a millisecond and which a project may replace
        return own
    try:
        return _kinds[kind].get(name)
    except catalogue.RegistryError:
        message = f"no {kind} is registered as '{name[:80]}'"
        raise TaskContractError(message, allowed=did_you_mean(name, names(kind))) from None
    except ImportError as error:
        raise TaskContractError(f"{kind} '{name}' of an installed package cannot be imported: {error}") from error


def resolve(section: Any) -> Any:
    """Call the functions of a section, nested ones first, and return what stands in its place.

    Args:
        section: plain values; a mapping with an ``@kind`` key is replaced by the function's return value.
    """
    if not isinstance(section, Mapping):
        return section
    values = {key: resolve(value) for key, value in section.items()}
    if not any(key.startswith("@") for key in values):
        return values
    return _call()(values)  # confection's resolve(config) would copy the dicts and lists that functions return


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name, none imported: beside ``common/``, of installed packages, in ``./recipes``."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("*/config.ini")):
        name = file.parent.name
        if name != "common":
            found[name] = Recipe(name=name, folder=file.parent, package=f"auto_train.{name}")
    for point in entry_points(group="auto_train.recipes"):
        spec = importlib.util.find_spec(point.value)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            found.setdefault(point.name, Recipe(name=point.name, folder=Path(folder), package=point.value))
    return _own_recipes() | found


def _own_recipes() -> dict[str, Recipe]:
    """Return the recipes in ``./recipes`` and make that folder importable, as it is for ``python -m``."""
    found = {}
    for file in sorted(Path(OWN_RECIPES).glob("*/config.ini")):
        name = file.parent.name
        if name.isidentifier():
            found[name] = Recipe(name=name, folder=file.parent.absolute(), package=f"{OWN_RECIPES}.{name}")
    here = str(Path.cwd()) if found else ""
    if found and here not in sys.path:
        sys.path.append(here)  # last, so that nothing there takes the place of a library
    return found


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        UsageError: there is none of that name; the message lists those there are.
    """
    folder = Path(__file__).parent / name
    if name.isidentifier() and name != "common" and os.path.isfile(folder / "config.ini"):  # noqa: PTH113 - is_file raises
        return Recipe(name=name, folder=folder, package=f"auto_train.{name}")  # the usual case, without a scan
    known = recipes()
    if name in known:
        return known[name]
    raise UsageError(f"'{name[:80]}' is no task that is available here", allowed=did_you_mean(name, list(known)))


def load_functions(recipe: Recipe | None, custom_file: Path | str | None = None) -> None:
    """Register a recipe's functions and the user's own; the user's win where names are equal.

    Args:
        recipe: its ``custom_functions.py`` is imported; none: only the file is.
        custom_file: a Python file, relative to the working directory; run anew on every call.

    Raises:
        TaskContractError: the file is missing or fails; ``where`` is its file:line.
    """
    if recipe:
        load_module(recipe, "custom_functions.py")
    if custom_file is None:
        return
    file = to_absolute(custom_file)
    if not file.is_file():
        raise TaskContractError("there is no such file", where=str(file), hint="project.custom_functions names it")
    _run(file, lambda: _execute(file))


def load_module(recipe: Recipe, name: str) -> ModuleType | None:
    """Import a file of a recipe; None: it has no such file.

    Raises:
        TaskContractError: the file fails; ``where`` is its file:line.
    """
    file = recipe.folder / name
    return _run(file, lambda: import_module(f"{recipe.package}.{file.stem}")) if file.is_file() else None


def _execute(file: Path) -> ModuleType:
    name = f"auto_train_user_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("this is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    spec.loader.exec_module(module)
    return module


def _run(file: Path, execute: Callable[[], ModuleType]) -> ModuleType:
    try:
        return execute()
    except SyntaxError as error:
        where = f"{error.filename or file}:{error.lineno or 1}"
        raise TaskContractError(f"this is no valid Python: {error.msg}", where=where) from error
    except (Exception, SystemExit) as error:  # a user's code may fail in any way
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
        where = f"{file}:{lines[-1] if lines else 1}"
        raise TaskContractError(f"this code fails: {type(error).__name__}: {error}", where=where) from error


@cache
def _call() -> Callable[[Mapping[str, Any]], Any]:
    import confection  # 0.1 s, so only where a function is called

    class FunctionRegistry(confection.registry):
        """Confection's registry over our kinds, those created later included."""

        @classmethod
        def get(cls, registry_name: str, func_name: str) -> Callable[..., Any]:
            return get(registry_name, func_name)

    return lambda values: confection.Promise.from_dict(FunctionRegistry, values).resolve()


def __getattr__(name: str) -> catalogue.Registry:
    """Find ``registry.<kind>``."""
    if name in _kinds:
        return _kinds[name]
    raise AttributeError(f"module 'auto_train.registry' has no kind '{name}'; registry.create('{name}') makes one")


for _kind in KINDS:
    create(_kind)
