"""Load a config: layers, checks, final values. Every problem of every step is collected before anything is raised."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from auto_train import registry
from auto_train.config.check import check_functions, check_names, check_shapes, check_types
from auto_train.config.config import Config
from auto_train.config.declare import Declared, declare, parents
from auto_train.config.problem import Problem
from auto_train.config.read import Layer, override_layer, project_type, read_layers
from auto_train.config.spec import ANY
from auto_train.config.values import cast, quote
from auto_train.config.variables import Address, Cell, Variables
from auto_train.errors import ConfigError, TaskContractError, did_you_mean

Overrides = Sequence[str] | Mapping[str, object]
DEFAULT_TASK = "classification"


def load_config(path: Path | str | None = None, overrides: Overrides = ()) -> Config:
    """Return the config of an INI: recipe defaults, then its bases, itself and the overrides, variables filled in.

    Args:
        path: the INI; none: the one the environment variable CONFIG names.
        overrides: ``["section.key=value"]`` or a mapping of such keys to values.

    Raises:
        ConfigError: with every problem found, each as ``file:line [section] key: message``.
    """
    config, problems = assemble(path, overrides)
    errors = [problem for problem in problems if problem.level == "error"]
    if config is None or errors:
        raise ConfigError(errors)
    return config


def lint_config(path: Path | str | None = None, overrides: Overrides = ()) -> list[Problem]:
    """Return every problem of an INI, warnings included; see :func:`load_config` for the arguments."""
    return assemble(path, overrides)[1]


def assemble(path: Path | str | None, overrides: Overrides) -> tuple[Config | None, list[Problem]]:
    """Return the config, none where it has errors, and all problems in the order of the files."""
    named = path or os.environ.get("CONFIG")
    if not named:
        return None, [Problem(message="no config is given; name one with --config=FILE.ini or the variable CONFIG")]
    file = Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 - Path.expanduser fails for an unknown ~user
    layers, problems = read_layers(file, "ini")
    changes, more = override_layer(overrides)
    problems += more
    if layers and layers[-1].scan.file == file:
        task, problem = _recipe([*layers, changes], file)
        if problem or task is None:
            return None, _sorted([*problems, *([problem] if problem else [])], layers)
        build = _Build(declare(task), [*layers, changes])
        build.run()
        problems += build.problems
    problems = _sorted(problems, layers)
    if not layers or any(problem.level == "error" for problem in problems):
        return None, problems
    warnings = tuple(problem for problem in problems if problem.level == "warning")
    config = Config(build.cells, build.declared, sections=list(build.sections), path=file, warnings=warnings)
    return config, problems


def _recipe(layers: Sequence[Layer], file: Path) -> tuple[registry.Recipe | None, Problem | None]:
    entry = project_type(layers)
    try:
        name = cast(entry.text, ANY) if entry else DEFAULT_TASK
    except ValueError as error:
        return None, entry.problem(str(error)) if entry else None
    known = registry.recipes()
    if isinstance(name, str) and name in known:
        return known[name], None
    message = f"{quote(str(name))} is no task that is available here (allowed: {did_you_mean(str(name), list(known))})"
    return None, entry.problem(message) if entry else Problem(message=message, file=file)


class _Build:
    """The steps from layers to final values; ``cells`` and ``problems`` are the outcome."""

    def __init__(self, declared: Declared, layers: list[Layer]):
        self.declared, self.layers = declared, layers
        self.problems: list[Problem] = list(declared.problems)
        self.cells: dict[Address, Cell] = {}
        self.sections = {
            f"{layer.prefix}.{name}".strip("."): section
            for layer in layers
            for name, section in layer.scan.sections.items()
            if name != "META"
        }

    def run(self) -> None:
        for layer in [*self.declared.layers, *self.layers]:
            self._merge(layer)
        self.problems += check_shapes(self.cells, self.sections)
        names = {*self.sections, *self.declared.sections, *(at[0] for at in self.cells)}
        variables = Variables(self.cells, names | {outer for name in names for outer in parents(name)})
        loaded = self._load_functions(variables)
        broken = check_functions(variables, names_known=loaded)
        settled = [variables.settle(address) for address in self.cells]
        if loaded and not broken and all(settled):
            broken = check_types(variables)
        self.problems += [*variables.problems, *broken]
        self.problems += check_names(self.cells, self.sections, self.declared, variables.used)

    def _merge(self, layer: Layer) -> None:
        """Lay one layer over the cells; another function in a section replaces that section whole."""
        for entry in layer.entries:
            old = self.cells.get((entry.section, entry.key))
            if entry.key.startswith("@") and self._names_other(entry.section, entry.key, entry.text):
                own = {id(other) for other in layer.entries}
                for at in [at for at in self.cells if at[0] == entry.section or at[0].startswith(f"{entry.section}.")]:
                    if id(self.cells[at].entry) not in own:
                        del self.cells[at]
            spec = self.declared.specs.get((entry.section, entry.key), ANY)
            self.cells[entry.section, entry.key] = Cell(entry=entry, spec=old.spec if old else spec)

    def _names_other(self, section: str, key: str, text: str) -> bool:
        markers = {at[1]: cell.entry.text for at, cell in self.cells.items() if at[0] == section and at[1][:1] == "@"}
        return bool(markers) and markers.get(key) != text

    def _load_functions(self, variables: Variables) -> bool:
        address = ("project", "custom_functions")
        file = self.cells[address].value if address in self.cells and variables.settle(address) else None
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


def _sorted(problems: list[Problem], layers: Sequence[Layer]) -> list[Problem]:
    """Order problems as the user reads: the INI by line, its bases, other files, overrides; each once."""
    files = [layer.scan.file for layer in reversed(layers)]
    unique = list(dict.fromkeys(problems))

    def rank(problem: Problem) -> tuple[int, int]:
        place = len(files) + (problem.file is None)
        return (files.index(problem.file) if problem.file in files else place, problem.line or 0)

    return sorted(unique, key=rank)
