"""Mistakes that show only when all layers lie on each other: names, shapes, functions."""

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from auto_train import registry
from auto_train.config.declare import Declared, near_name, parents
from auto_train.config.problem import Problem
from auto_train.config.read import describe
from auto_train.config.scan import Section
from auto_train.config.spec import ANY, Spec, argument_spec
from auto_train.config.variables import Address, Cell, Variables
from auto_train.errors import TaskContractError


def check_shapes(cells: Mapping[Address, Cell], sections: Mapping[str, Section], declared: Declared) -> list[Problem]:
    """Return a problem for each name that is a value and a section at once; arguments as in :func:`check_names`."""
    headers = {name: name for name in [*sections, *declared.sections]}
    for section, _ in cells:
        for name in (*parents(section), section):
            headers.setdefault(name, section)
    problems = []
    for (section, key), cell in cells.items():
        header = headers.get(f"{section}.{key}")
        if header is None:
            continue
        other = sections.get(header)
        if other and cell.entry.origin.kind == "default":
            at = other.origin
            message = f"'{key}' is a key of [{section}], so it cannot be a section"
            problems.append(Problem(message=message, file=at.file, line=at.line, section=header))
        else:
            message = f"'{key}' is the section [{section}.{key}], so it cannot be a key; set the keys of that section"
            problems.append(cell.entry.problem(message))
    return problems


def check_names(
    cells: Mapping[Address, Cell],
    sections: Mapping[str, Section],
    declared: Declared,
    *,
    used: set[str],
    known_wrong: set[Address],
) -> list[Problem]:
    """Return a problem for each key and section that the recipe does not know.

    Args:
        cells: all keys.
        sections: the headers that user files hold.
        declared: what the recipe knows.
        used: paths that references name; these are the user's own variables.
        known_wrong: keys, and sections with no key, that have a problem already.
    """
    known = declared.sections
    unknown = [name for name in sections if name not in known and not declared.is_free(name)]
    unknown += [at[0] for at, cell in cells.items() if cell.entry.origin.kind == "override"]
    unknown = [name for name in dict.fromkeys(unknown) if name not in known and not declared.is_free(name)]
    problems = []
    for name in unknown:
        if (name, "") in known_wrong:
            continue
        at = sections[name].origin if name in sections else None
        message, level = _unknown_section(name, known)
        is_used = any(path == name or path.startswith(f"{name}.") for path in used)
        is_parent = any(name in parents(other) for other in sections)
        if level == "error" or not (is_used or is_parent or _holds_function(name, cells)):
            place = {"file": at.file, "line": at.line} if at else {}
            problems.append(Problem(message=message, section=name, level=level, **place))  # type: ignore[arg-type]
    for address, cell in cells.items():
        if address in declared.specs or address in known_wrong:
            continue
        if address[0] in known and not declared.is_free(address[0]):
            message, level = _unknown_key(address, declared)
            if level == "error" or ".".join(address) not in used:
                problems.append(replace(cell.entry.problem(message), level=level))
    return problems


def _holds_function(section: str, cells: Mapping[Address, Cell]) -> bool:
    return any(at[0] == section and at[1].startswith("@") for at in cells)


def _unknown_section(name: str, known: Iterable[str]) -> tuple[str, typing.Literal["error", "warning"]]:
    near, is_typo = near_name(name, known)
    hint = f"; did you mean [{near}]?" if near else ""
    return (f"unknown section{hint}", "error") if is_typo else (f"unknown section, it has no effect{hint}", "warning")


def _unknown_key(address: Address, declared: Declared) -> tuple[str, typing.Literal["error", "warning"]]:
    section, key = address
    if key.startswith("@"):
        return f"this section holds no function (allowed in: {', '.join(declared.free)})", "error"
    near, is_typo = near_name(key, [at[1] for at in declared.specs if at[0] == section])
    if is_typo:
        return f"unknown key; did you mean '{near}'?", "error"
    elsewhere = [at[0] for at in declared.specs if at[1] == key]
    if elsewhere:
        return f"unknown key here, it has no effect; did you mean [{elsewhere[0]}] {key}?", "warning"
    return f"unknown key, it has no effect{f'; did you mean {near!r}?' if near else ''}", "warning"


def check_functions(variables: Variables, declared: Declared, *, names_known: bool) -> list[Problem]:
    """Find the function of each section that names one, and give its arguments the specs of their annotations.

    Args:
        variables: the cells; specs of arguments are set.
        declared: which sections may hold a function; another one's is reported with the unknown keys.
        names_known: whether all functions could be loaded; else unknown names are not reported.
    """
    problems: list[Problem] = []
    for section in function_sections(variables, declared):
        markers = [at for at in variables.cells if at[0] == section and at[1].startswith("@")]
        cell = variables.cells[markers[0]]
        if len(markers) > 1:
            names = ", ".join(key for _, key in markers)
            problems.append(cell.entry.problem(f"a section holds one function, this one names {len(markers)}: {names}"))
        elif variables.settle(markers[0]):
            kind = markers[0][1][1:]
            try:
                function = registry.get(kind, str(cell.value))
            except TaskContractError as error:
                if names_known or kind not in registry.kinds():
                    problems.append(cell.entry.problem(describe(error)))
                continue
            problems += _check_arguments(function, section, cell, variables)
    return problems


def _check_arguments(function: Callable[..., Any], section: str, cell: Cell, variables: Variables) -> list[Problem]:
    name = f"{cell.entry.key[1:]} '{cell.value}'"
    given = {key: at for at, key in _arguments(section, variables.cells)}
    try:
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (NameError, TypeError, ValueError) as error:
        return [cell.entry.problem(f"the arguments of {name} cannot be read: {error}")]
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    named = {
        key: found for key, found in parameters.items() if found.kind not in (found.VAR_KEYWORD, found.VAR_POSITIONAL)
    }
    problems = []
    for key, parameter in named.items():
        if key not in given and parameter.default is parameter.empty:
            problems.append(cell.entry.problem(f"{name} needs the argument '{key}'; add a line '{key} = …'"))
    for key, at in given.items():
        if key in named and (section, key) in variables.cells:
            variables.cells[at].spec = _with_meaning(argument_spec(hints.get(key, Any)), name)
        elif key not in named and not takes_more:
            near, _ = near_name(key, named)
            hint = f"did you mean '{near}'?" if near else f"allowed: {', '.join(named) or 'none'}"
            problems.append(variables.cells[at].entry.problem(f"{name} takes no argument '{key}' ({hint})"))
    return problems


def _with_meaning(spec: Spec, name: str) -> Spec:
    return replace(spec, meaning=f"argument of {name}") if spec.text != "any" else replace(ANY, meaning=spec.meaning)


def _arguments(section: str, cells: Mapping[Address, Cell]) -> Iterable[tuple[Address, str]]:
    """Yield (address, argument) of each key in a section, and of the first key of each section right below it."""
    for at in cells:
        if at[0] == section and not at[1].startswith("@"):
            yield at, at[1]
        elif at[0].startswith(f"{section}."):
            yield at, at[0].removeprefix(f"{section}.").partition(".")[0]


def function_sections(variables: Variables, declared: Declared) -> list[str]:
    """Return the sections that name a function and may."""
    named = dict.fromkeys(at[0] for at in variables.cells if at[1].startswith("@"))
    return [section for section in named if declared.is_free(section) or section not in declared.sections]


def check_types(variables: Variables, declared: Declared) -> list[Problem]:
    """Return a problem for each argument whose annotation is no plain type and refuses the value."""
    from confection.validation import validate_type

    problems = []
    for section in function_sections(variables, declared):
        marker = next(at for at in variables.cells if at[0] == section and at[1].startswith("@"))
        function = registry.get(marker[1][1:], str(variables.cells[marker].value))
        hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
        for at, key in _arguments(section, variables.cells):
            cell = variables.cells[at]
            if at[0] == section and key in hints and validate_type(cell.value, hints[key]):
                wanted = inspect.formatannotation(hints[key])
                problems.append(cell.entry.problem(f"'{cell.text}' is no {wanted}, which the argument '{key}' must be"))
    return problems
