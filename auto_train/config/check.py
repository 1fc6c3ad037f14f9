"""Mistakes that show only when all layers lie on each other: unknown names, values where sections are.

What a spec cannot say of the values is in :mod:`auto_train.config.rules`.
"""

import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from auto_train.config.declare import Declarations, find_near_name, parents
from auto_train.config.problem import Origin, Problem
from auto_train.config.scan import Section
from auto_train.config.variables import Address, Cell


def check_shapes(
    cells: Mapping[Address, Cell], sections: Mapping[str, Section], declared: Declarations
) -> list[Problem]:
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
    declared: Declarations,
    *,
    written: Collection[Address],
    used: set[str],
    known_wrong: set[Address],
) -> list[Problem]:
    """Return a problem for each key and section that the recipe does not know.

    Args:
        cells: all keys.
        sections: the headers that user files hold.
        declared: what the recipe knows.
        written: keys that a file has.
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
        message, level = _explain_unknown_section(name, known)
        is_used = any(path == name or path.startswith(f"{name}.") for path in used)
        is_parent = any(name in parents(other) for other in sections)
        is_needed = is_used or is_parent or _holds_function(name, cells) or name not in sections
        if level == "error" or not is_needed:
            at = sections[name].origin if name in sections else Origin(kind="override")
            problems.append(Problem(message=message, file=at.file, line=at.line, section=name, level=level))
    wrong = {problem.section for problem in problems if problem.level == "error"}
    for address, cell in cells.items():
        if address in declared.specs or address in known_wrong or address[0] in wrong or declared.is_free(address[0]):
            continue
        message, level = _explain_unknown_key(address, declared) if address[0] in known else ("", "warning")
        if level == "warning" and ".".join(address) in used:
            continue
        if (
            level == "warning"
            and cell.entry.origin.kind == "override"
            and not _is_own(address, cells, written, declared)
        ):
            message, level = _explain_unknown_override(address, [*declared.specs, *written]), "error"
        if message:
            problems.append(replace(cell.entry.problem(message), level=level))
    return problems


def _is_own(
    address: Address, cells: Mapping[Address, Cell], written: Collection[Address], declared: Declarations
) -> bool:
    """Tell whether an override is of the user's own keys: a file has the key, or its section and no similar key."""
    section, key = address
    if address in written or _holds_function(section, cells):
        return True
    beside = [at[1] for at in written if at[0] == section] if section not in declared.sections else []
    return bool(beside) and not find_near_name(key, beside)[1]


def _holds_function(section: str, cells: Mapping[Address, Cell]) -> bool:
    return any(at[0] == section and at[1].startswith("@") for at in cells)


def _explain_unknown_section(name: str, known: Iterable[str]) -> tuple[str, typing.Literal["error", "warning"]]:
    near, is_typo = find_near_name(name, [*known, "META"])
    hint = f"; did you mean [{near}]?" if near else ""
    return (f"unknown section{hint}", "error") if is_typo else (f"unknown section, it has no effect{hint}", "warning")


def _explain_unknown_override(address: Address, known: Iterable[Address]) -> str:
    """Return what to write for an override that would change nothing: the nearest path, or that of an equal key."""
    same = [".".join(at) for at in known if at[1] == address[1]]
    near = same[:1] or get_close_matches(".".join(address), map(".".join, known), n=1, cutoff=0.6)
    return f"unknown key; did you mean '{near[0]}'?" if near else "unknown key; `config schema` lists those there are"


def _explain_unknown_key(address: Address, declared: Declarations) -> tuple[str, typing.Literal["error", "warning"]]:
    section, key = address
    if key.startswith("@"):
        return f"this section holds no function (allowed in: {', '.join(declared.free)})", "error"
    near, is_typo = find_near_name(key, [at[1] for at in declared.specs if at[0] == section])
    if is_typo:
        return f"unknown key; did you mean '{near}'?", "error"
    elsewhere = [at[0] for at in declared.specs if at[1] == key]
    if elsewhere:
        return f"unknown key here, it has no effect; did you mean [{elsewhere[0]}] {key}?", "warning"
    return f"unknown key, it has no effect{f'; did you mean {near!r}?' if near else ''}", "warning"
