"""YAML files with ``$BASE`` (F3.2) as plain dicts, for the doors that take YAML. An experiment itself is an INI."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train.config.inherit import Inheritance, find_first_existing
from auto_train.errors import MissingError, UsageError
from auto_train.types import to_absolute


@dataclass(frozen=True, kw_only=True)
class _Document:
    content: dict[str, Any]
    base: Any


def load_yaml(path: Path | str) -> dict[str, Any]:
    """Return a YAML file merged over all that its ``$BASE`` names.

    Mappings merge key by key; lists and scalars are replaced whole; the inheriting file wins. ``$BASE`` is a file name,
    a list (later wins), a mapping that puts a file's content under a key, or a mixture; paths are relative to the file
    they stand in. Only a top-level ``$BASE`` counts. Text such as ``5e-4`` becomes a number, ``none`` becomes None, and
    ``$USER_HOME`` the home folder (F3.3).

    Raises:
        MissingError: a file does not exist.
        UsageError: a loop, more than five levels, a file that is no mapping, or no YAML; the tag of a Python object.
        TypeError: a ``$BASE`` that is neither name, list nor mapping.
    """
    merged: dict[str, Any] = {}
    for prefix, document in Inheritance(_read, _locate).walk(to_absolute(path)):
        content = document.content
        for key in reversed(prefix.split(".")) if prefix else []:
            content = {key: content}
        _merge(merged, content)
    return merged


def _read(file: Path) -> _Document:
    import yaml

    try:
        text = file.read_text(encoding="utf-8-sig")
        content = yaml.load(text, Loader=_loader())  # a SafeLoader with two more tags
        normal = _normal(content)
    except FileNotFoundError:
        raise MissingError("this file does not exist", where=str(file)) from None
    except OSError as error:
        raise UsageError(f"this file cannot be read: {error.strerror}", where=str(file)) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"this is no YAML text: {error}", where=str(file)) from error
    except RecursionError:
        raise UsageError("an alias in this file holds itself, or it is nested too deep", where=str(file)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UsageError(f"this is no YAML we read: {error.problem}", where=where) from error
    except yaml.YAMLError as error:
        raise UsageError(f"this is no YAML: {error}", where=str(file)) from error
    if content is not None and not isinstance(content, dict):
        raise UsageError(f"this file holds a {type(content).__name__}", where=str(file), allowed="a mapping")
    base = content.get("$BASE") if content else None
    return _Document(base=base, content={key: value for key, value in (normal or {}).items() if key != "$BASE"})


def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """SafeLoader that also reads tuples and sets, which hold data only."""

    def construct_tuple(loader: Any, node: Any) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    def construct_set(loader: Any, node: Any) -> set[Any]:
        is_mapping = isinstance(node, yaml.MappingNode)
        return set((loader.construct_mapping if is_mapping else loader.construct_sequence)(node, deep=True))

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", construct_tuple)
    Loader.add_constructor("tag:yaml.org,2002:python/set", construct_set)
    return Loader


def _locate(name: str, file: Path) -> Path:
    return find_first_existing(name, [file.parent / name], file)


def _merge(into: dict[str, Any], content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            inner = into.get(key)
            into[key] = dict(inner) if isinstance(inner, dict) else {}
            _merge(into[key], value)
        else:
            into[key] = value


def _normal(value: Any, *, is_item: bool = False) -> Any:
    """Apply F3.3: ``none`` counts as a mapping's value only, not inside lists."""
    if isinstance(value, dict):
        return {key: _normal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_normal(inner, is_item=True) for inner in value]
    if not isinstance(value, str):
        return value
    if value in ("none", "None") and not is_item:
        return None
    if "e" in value.lower():
        try:
            return float(value)
        except ValueError:
            pass
    return value.replace("$USER_HOME", str(Path.home()))
