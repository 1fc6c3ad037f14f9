"""Load a config: layers, checks, final values. Every problem of every step is collected before anything is raised."""

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from auto_train import registry
from auto_train.config.check import check_names, check_shapes
from auto_train.config.config import Config
from auto_train.config.cuts import check_cuts
from auto_train.config.declare import Declarations, declare, parents
from auto_train.config.functions import check_arguments, check_types, find_calls
from auto_train.config.older import in_todays_words
from auto_train.config.params import give_specs
from auto_train.config.problem import Problem
from auto_train.config.read import Layer, describe, override_layer, project_type, read_layers
from auto_train.config.rules import check_rules
from auto_train.config.spec import ANY
from auto_train.config.unused import check_unused
from auto_train.config.values import quote
from auto_train.config.variables import Address, Cell, Variables
from auto_train.errors import ConfigError, TaskContractError, UsageError
from auto_train.types import to_absolute

Overrides = Sequence[str] | Mapping[str, object]
DEFAULT_TASK = "classification"
# Letters of a path in a message: all of a usual one, so that it can be copied.
MAX_PATH = 1000


def load_config(
    path: Path | str | None = None, overrides: Overrides = (), *, default_task: str = DEFAULT_TASK
) -> Config:
    """Return the config of an INI: recipe defaults, then its bases, itself and the overrides, variables filled in.

    Args:
        path: the INI; none: the one the environment variable CONFIG names.
        overrides: ``["section.key=value"]`` or a mapping of such keys to values.
        default_task: the recipe where neither the INI, its bases nor an override sets project.type.

    Raises:
        ConfigError: with every problem found, each as ``file:line [section] key: message``.
    """
    config, problems = _assemble(path, overrides, default_task)
    errors = [problem for problem in problems if problem.level == "error"]
    if config is None or errors:
        raise ConfigError(errors)
    return config


def lint_config(
    path: Path | str | None = None, overrides: Overrides = (), *, default_task: str = DEFAULT_TASK
) -> list[Problem]:
    """Return every problem of an INI, warnings included; see :func:`load_config` for the arguments."""
    return _assemble(path, overrides, default_task)[1]


def default_config(task: str = DEFAULT_TASK, overrides: Overrides = ()) -> Config:
    """Return a recipe's defaults as a config, without any INI.

    Raises:
        ConfigError: an override is wrong.
        UsageError: there is no such task.
    """
    recipe = registry.recipe(task)
    changes, problems = override_layer(overrides)
    config, more = _finish(_Build(declare(recipe), [changes]), None, problems)
    if config is None:
        raise ConfigError(more)
    return config


def _assemble(path: Path | str | None, overrides: Overrides, default_task: str) -> tuple[Config | None, list[Problem]]:
    """Return the config, none where it has errors, and all problems in the order of the files."""
    named = path or os.environ.get("CONFIG")
    if not named:
        return None, [Problem(message="no config is given; name one with --config=FILE.ini or the variable CONFIG")]
    file = Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 - Path.expanduser fails for an unknown ~user
    layers, problems = read_layers(file, "ini")
    changes, more = override_layer(overrides)
    problems += more
    recipe: registry.Recipe | None
    try:
        recipe = _recipe([*layers, changes], file, default_task)
    except ConfigError as error:
        problems += error.problems  # type: ignore[arg-type]
        recipe = None
    is_complete = not any(problem.section == "META" for problem in problems)

    def build(recipe: registry.Recipe) -> _Build:
        return _Build(declare(recipe), [*layers, changes], is_complete=is_complete)

    if recipe is None:
        return None, _sort_problems(
            [*problems, *_problems_of_all(build, _guess_recipes([*layers, changes]))], [*layers, changes]
        )
    return _finish(build(recipe), file, problems)


def _guess_recipes(layers: Sequence[Layer]) -> list[registry.Recipe]:
    """Return the recipe whose name is nearest to a project.type that is unknown; where none is near, all."""
    entry, known = project_type(layers), registry.recipes()
    near = get_close_matches(entry.text.strip("\"' ").lower() if entry else "", known, n=1, cutoff=0.6)
    return [known[name] for name in near or known]


def _problems_of_all(build: Callable[[registry.Recipe], "_Build"], recipes: Sequence[registry.Recipe]) -> list[Problem]:
    """Return the problems that an INI has with each of the recipes."""
    found = []
    for recipe in recipes:
        one = build(recipe)
        one.run()
        found.append(one.problems)
    return [problem for problem in found[0] if all(problem in others for others in found)] if found else []


def _finish(build: "_Build", file: Path | None, problems: list[Problem]) -> tuple[Config | None, list[Problem]]:
    build.run()
    found = _sort_problems([*problems, *build.problems], build.layers)
    if any(problem.level == "error" for problem in found):
        return None, found
    return Config(build.cells, build.declared, sections=[*build.sections], path=file, warnings=tuple(found)), found


def _recipe(layers: Sequence[Layer], file: Path, default_task: str) -> registry.Recipe:
    """Return the recipe that project.type names, as written: it decides which keys there are, so it is no variable."""
    entry = project_type(layers)
    name = entry.text.strip("\"' ") if entry else default_task
    try:
        return registry.recipe(name)
    except UsageError as error:
        message = describe(error)
        raise ConfigError([entry.problem(message) if entry else Problem(message=message, file=file)]) from None


class _Build:
    """The steps from layers to final values; ``cells`` and ``problems`` are the outcome.

    Args:
        declared: what the recipe knows.
        layers: the user's, what wins last.
        is_complete: whether all bases could be read; else a name that is not defined may be one of theirs.
    """

    def __init__(self, declared: Declarations, layers: list[Layer], *, is_complete: bool = True):
        self.declared, self.layers, self.is_complete = declared, layers, is_complete
        self.problems: list[Problem] = list(declared.problems)
        self.cells: dict[Address, Cell] = {}
        self.sections = {
            f"{layer.prefix}.{name}".strip("."): section
            for layer in layers
            for name, section in layer.scan.sections.items()
            if name != "META"
        }

    def run(self) -> None:
        layers, translated = in_todays_words(self.layers, self.declared.recipe.name)
        for layer in [*self.declared.layers, *layers]:
            self._merge(layer)
        wins = [(self.cells[entry.section, entry.key].entry is entry, warning) for entry, warning in translated]
        self.problems += [warning for is_taken, warning in wins if is_taken and warning]
        self.problems += check_shapes(self.cells, self.sections, self.declared)
        known_wrong = {(problem.section, problem.key) for problem in self.problems}
        names = {*self.sections, *self.declared.sections, *(at[0] for at in self.cells)}
        names |= {outer for name in names for outer in parents(name)}
        variables = Variables(self.cells, names, is_complete=self.is_complete)
        loaded = self._load_functions(variables)
        calls, broken = find_calls(variables, self.declared, names_known=loaded)
        broken += [problem for call in calls for problem in check_arguments(call, variables)]
        broken += give_specs(variables)
        settled = [variables.settle(address) for address in self.cells]
        if loaded and not broken and all(settled):
            broken = [problem for call in calls for problem in check_types(call, variables)]
        self.problems += [*variables.problems, *broken, *check_rules(variables), *check_cuts(self.cells)]
        self.problems += check_unused(variables, self.declared)
        self.problems += check_names(
            self.cells,
            self.sections,
            self.declared,
            written={(at.section, at.key) for layer in layers for at in layer.entries if at.origin.kind != "override"},
            used=variables.used,
            known_wrong=known_wrong,
        )

    def _merge(self, layer: Layer) -> None:
        """Lay one layer over the cells; where it names another function, that section is replaced whole."""
        calls = [at for at in layer.entries if at.key.startswith("@") and self.declared.may_hold_function(at.section)]
        for entry in calls:
            below = [at for at in self.cells if at[0] == entry.section or at[0].startswith(f"{entry.section}.")]
            markers = {at[1]: self.cells[at].entry.text for at in below if at[0] == entry.section and at[1][0] == "@"}
            if markers and markers != {entry.key: entry.text}:
                for at in below:
                    del self.cells[at]
        for entry in layer.entries:
            address = (entry.section, entry.key)
            self.cells[address] = Cell(entry=entry, spec=self.declared.specs.get(address, ANY))

    def _load_functions(self, variables: Variables) -> bool:
        address = ("project", "custom_functions")
        cell = self.cells.get(address)
        named = cell.value if cell and variables.settle(address) else None
        file = to_absolute(named) if named else None
        if cell and file and not os.path.isfile(file):  # noqa: PTH113 - is_file raises for a name too long
            message = (
                f"{quote(str(file), limit=MAX_PATH)} does not exist; the path is relative to the working directory"
            )
            self.problems.append(cell.entry.problem(message))
            return False
        if file is None and not any(at[1].startswith("@") for at in self.cells):
            return True
        try:
            registry.load_functions(self.declared.recipe, file)
        except TaskContractError as error:
            self.problems.append(_function_problem(error))
            return False
        return True


def _function_problem(error: TaskContractError) -> Problem:
    place, _, line = error.where.rpartition(":")
    is_line = line.isdigit()
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    return Problem(message=message, file=Path(place if is_line else error.where), line=int(line) if is_line else None)


def _sort_problems(problems: list[Problem], layers: Sequence[Layer]) -> list[Problem]:
    """Order problems as the user reads: the INI by line, its bases, other files, overrides; each once."""
    files = [layer.scan.file for layer in reversed(layers)]
    unique = list(dict.fromkeys(problems))

    def rank(problem: Problem) -> tuple[int, int]:
        place = len(files) + (problem.file is None)
        return (files.index(problem.file) if problem.file in files else place, problem.line or 0)

    return sorted(unique, key=rank)
