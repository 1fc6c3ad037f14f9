"""The declared keys for machines (JSON Schema) and for people (docs/config.md), from the same specs as the checks."""

import math
from collections.abc import Iterable
from typing import Any

from auto_train import registry
from auto_train.config.declare import Declarations, declare
from auto_train.config.spec import Spec
from auto_train.config.values import cast
from auto_train.errors import ConfigError

TYPES = {
    "str": "string",
    "timm": "string",
    "path": "string",
    "url": "string",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
}


def declare_task(task: str) -> Declarations:
    """Return what a task's recipe declares.

    Raises:
        UsageError: there is no such task.
        ConfigError: the recipe's config.ini is faulty.
    """
    found = declare(registry.recipe(task))
    if errors := [problem for problem in found.problems if problem.level == "error"]:
        raise ConfigError(errors)
    return found


def json_schema(task: str) -> dict[str, Any]:
    """Return the JSON Schema of a task's config, as :meth:`Config.to_dict` gives it."""
    found = declare_task(task)
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"AutoTrain {task}",
        "type": "object",
        "properties": {},
    }
    for section in found.sections:
        node = root
        for part in section.split("."):
            node = node["properties"].setdefault(part, {"type": "object", "properties": {}})
        if section in found.free:
            node["description"] = found.free[section].meaning
        for (at, key), spec in found.specs.items():
            if at == section:
                node["properties"][key] = {**_schema(spec), "description": spec.meaning, **_default(found, at, key)}
    return root


def _schema(spec: Spec) -> dict[str, Any]:
    if spec.type == "choice":
        choices = [*spec.choices, *([None] if spec.optional and None not in spec.choices else [])]
        return {"enum": choices}
    found: dict[str, Any] = {}
    if spec.type in TYPES:
        found["type"] = [TYPES[spec.type], "null"] if spec.optional else TYPES[spec.type]
    if spec.type == "list" and spec.item:
        found = {"type": ["array", "null"] if spec.optional else "array", "items": _schema(spec.item)}
        found |= {"uniqueItems": True} if spec.unique else {}
    if spec.low > -math.inf:
        found["exclusiveMinimum" if spec.low_open else "minimum"] = _number(spec.low)
    if spec.high < math.inf:
        found["exclusiveMaximum" if spec.high_open else "maximum"] = _number(spec.high)
    return found


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value


def _default(found: Declarations, section: str, key: str) -> dict[str, Any]:
    text = default_text(found, section, key)
    return {"default": text if "${" in text else cast(text, found.specs[section, key])}


def default_text(found: Declarations, section: str, key: str) -> str:
    """Return a key's default as the recipe writes it."""
    texts = [at.text for layer in found.layers for at in layer.entries if (at.section, at.key) == (section, key)]
    return texts[-1]


def markdown(tasks: Iterable[str] = ()) -> str:
    """Return docs/config.md: every key of every recipe with its type, default and meaning.

    Args:
        tasks: which recipes; none: all that ship with AutoTrain.
    """
    names = list(tasks) or [name for name, at in registry.recipes().items() if at.package.startswith("auto_train.")]
    parts = [INTRODUCTION]
    shared: set[tuple[str, str, str]] = set()
    for name in names:
        found = declare_task(name)
        if not shared:
            parts += ["## Keys that every task has\n", *_tables(found, own=False, shown=set())]
            shared = _rows(found, own=False)
        own = _rows(found, own=True) - shared
        parts += [f"## {name}\n", *(_tables(found, own=True, shown=shared) if own else ["No further keys.\n"])]
    return "\n".join(parts)


INTRODUCTION = """# Keys of an INI

<!-- Written by `python main.py config schema --markdown` from the config.ini of common/ and of each recipe. -->

An INI lists only what differs from these defaults. Precedence: recipe default, `[META] base`, the INI, overrides
(`section.key=value` on the command line); then `${section.key}` is filled in; then registered functions are called.
`config explain KEY --config INI` says who set a key.

A comment begins with `#` or `;` at the start of a line or behind a blank. To keep such a mark in a value, put the
value, or the item of a list, in double quotes: `classes = red, "#2 pencil"`, `dir = "/data/run #3"`. `config lint`
warns of a comment that looks like a part of its value. A path of Windows keeps its backslashes with and without quotes:
`dir = "C:\\data"` and `dir = C:\\data` are the same.

Names are compared in Unicode's composed form (NFC), so that `café` is one class however a file or a folder writes it;
files are opened by the name that the disk has. A *list of unique …* holds no item twice.

`config lint` also reports what a training would refuse: an unknown timm model, arguments that the optimizer or the
scheduler does not take, keys that a task cannot use. A key without effect beside others is a warning, and an unknown
key in an override is an error.
"""


def _rows(found: Declarations, *, own: bool) -> set[tuple[str, str, str]]:
    """Return (section, key, default) of the recipe's own keys, or of those it shares with all."""
    layers = found.layers[-1:] if own else found.layers[:-1]
    return {(at.section, at.key, at.text) for layer in layers for at in layer.entries}


def _tables(found: Declarations, *, own: bool, shown: set[tuple[str, str, str]]) -> Iterable[str]:
    rows = _rows(found, own=own) - shown
    texts = {(section, key): text for section, key, text in rows}
    for section in found.sections:
        keys = [key for at, key in found.specs if at == section and (at, key) in texts]
        is_free = section in found.free and not own
        if keys or is_free:
            yield f"### `[{section}]`\n"
            if is_free:
                yield f"{_cell(found.free[section].meaning)}\n"
        if keys:
            yield "| key | value | default | meaning | changed on `--resume` |\n|---|---|---|---|---|"
            for key in keys:
                spec = found.specs[section, key]
                default = _cell(texts[section, key])
                text = f"`{default}`" if default else ""
                cells = [f"`{key}`", _cell(spec.text), text, _cell(spec.meaning), found.on_resume(section, key)]
                yield f"| {' | '.join(cells)} |"
            yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
