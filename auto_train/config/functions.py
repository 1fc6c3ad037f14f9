"""The functions an INI names: found in the registry, their arguments checked against signature and annotations."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auto_train import registry
from auto_train.config.declare import Declarations, find_near_name
from auto_train.config.problem import Problem
from auto_train.config.read import describe
from auto_train.config.scan import Entry
from auto_train.config.spec import argument_spec
from auto_train.config.variables import Address, Cell, Variables
from auto_train.errors import TaskContractError


@dataclass(frozen=True, kw_only=True)
class Call:
    """A section that names a function.

    Args:
        section: dotted name.
        entry: its ``@kind = name``.
        name: kind and name, for messages.
        parameters: what the function takes.
        hints: the annotations of its arguments.
    """

    section: str
    entry: Entry
    name: str
    parameters: Mapping[str, inspect.Parameter]
    hints: Mapping[str, Any]


def find_calls(variables: Variables, declared: Declarations, *, names_known: bool) -> tuple[list[Call], list[Problem]]:
    """Return the functions an INI names, and a problem for each that there is not.

    Args:
        variables: all keys.
        declared: which sections may hold a function; one in another section is reported with the unknown keys.
        names_known: whether all functions could be loaded; else unknown names are not reported.
    """
    calls, problems = [], []
    for section in dict.fromkeys(at[0] for at in variables.cells if at[1].startswith("@")):
        if not declared.may_hold_function(section):
            continue
        markers = [at for at in variables.cells if at[0] == section and at[1].startswith("@")]
        entry = variables.cells[markers[0]].entry
        if len(markers) > 1:
            names = ", ".join(key for _, key in markers)
            problems.append(entry.problem(f"a section holds one function, this one names {len(markers)}: {names}"))
        elif variables.settle(markers[0]):
            kind, name = markers[0][1][1:], str(variables.cells[markers[0]].value)
            if (allowed := declared.kinds(section)) and kind not in allowed and kind in registry.kinds():
                names = " or ".join(f"@{one}" for one in allowed)
                problems.append(entry.problem(f"this section is for {names}, a {kind} has no effect in it"))
                continue
            try:
                calls.append(_read_signature(registry.get(kind, name), section, entry, f"{kind} '{name}'"))
            except TaskContractError as error:
                if names_known or kind not in registry.kinds():
                    problems.append(entry.problem(describe(error)))
    return calls, problems


def _read_signature(function: Callable[..., Any], section: str, entry: Entry, name: str) -> Call:
    try:
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (NameError, TypeError, ValueError) as error:
        raise TaskContractError(f"the arguments of {name} cannot be read: {error}") from error
    return Call(section=section, entry=entry, name=name, parameters=parameters, hints=hints)


def check_arguments(call: Call, variables: Variables) -> list[Problem]:
    """Return a problem for each argument that is missing or too many; give the others their annotation's spec."""
    kinds = {parameter.kind for parameter in call.parameters.values()}
    named = {key: found for key, found in call.parameters.items() if found.kind.name[:3] != "VAR"}
    given = dict(_arguments(call.section, variables.cells))
    problems = [
        call.entry.problem(f"{call.name} needs the argument '{key}'; add a line '{key} = …'")
        for key, parameter in named.items()
        if key not in given and parameter.default is parameter.empty
    ]
    for key, cell in given.items():
        if key in call.hints and cell.entry.section == call.section:
            cell.spec = replace(argument_spec(call.hints[key]), meaning=f"argument of {call.name}")
        elif key not in named and inspect.Parameter.VAR_KEYWORD not in kinds:
            near, _ = find_near_name(key, named)
            hint = f"did you mean '{near}'?" if near else f"allowed: {', '.join(named) or 'none'}"
            problems.append(cell.entry.problem(f"{call.name} takes no argument '{key}'; {hint}"))
    return problems


def check_types(call: Call, variables: Variables) -> list[Problem]:
    """Return a problem for each value that an annotation refuses, where that is no plain type with a spec."""
    problems = []
    for key, cell in _arguments(call.section, variables.cells):
        hint = call.hints.get(key, Any)
        if cell.entry.section == call.section and cell.spec.type == "any" and hint is not Any:
            from confection.validation import validate_type  # 0.1 s

            if validate_type(cell.value, hint):
                message = f"'{cell.text}' is no {inspect.formatannotation(hint)}, which the argument '{key}' must be"
                problems.append(cell.entry.problem(message))
    return problems


def _arguments(section: str, cells: Mapping[Address, Cell]) -> Iterator[tuple[str, Cell]]:
    """Yield (argument, cell) of each key in a section, and of the keys in each section right below it."""
    for at, cell in cells.items():
        if at[0] == section and not at[1].startswith("@"):
            yield at[1], cell
        elif at[0].startswith(f"{section}."):
            yield at[0].removeprefix(f"{section}.").partition(".")[0], cell
