"""Mappings that read like objects (F2.4)."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, Self


class AttrDict(dict[str, Any]):
    """Read keys as attributes, and nested keys by dotted paths.

    ``d.a.b``, ``d["a.b"]`` and ``"a.b" in d`` reach nested mappings; ``dir(d)`` lists the keys. A key named like a
    method of dict (``items``, ``copy``) is read as an item only.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, /, **more: Any):
        for key, value in {**(values or {}), **more}.items():
            dict.__setitem__(self, key, self._wrap(value))

    def __getattr__(self, name: str) -> Any:
        if dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        raise AttributeError(self._explain_missing(name))

    def __getitem__(self, path: str) -> Any:
        return self._find(path)

    def _find(self, path: Any) -> Any:
        if dict.__contains__(self, path):
            return dict.__getitem__(self, path)
        parent, _, key = str(path).rpartition(".")
        if not parent:
            raise KeyError(self._explain_missing(path))
        inner = self._find(parent)
        if not isinstance(inner, Mapping):
            raise KeyError(f"'{parent}' is a value, not a section: it has no '{key}'")
        return inner._find(key) if isinstance(inner, AttrDict) else inner[key]

    def __contains__(self, path: object) -> bool:
        try:
            self._find(path)
        except KeyError:
            return False
        return True

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path, or the default where there is none."""
        try:
            return self._find(path)
        except KeyError:
            return default

    def __setitem__(self, key: str, value: Any) -> None:
        dict.__setitem__(self, key, self._wrap(value))

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        if not dict.__contains__(self, key):
            self[key] = default
        return dict.__getitem__(self, key)

    def update(self, values: Any = (), /, **more: Any) -> None:
        for key, value in dict(values, **more).items():
            self[key] = value

    def __ior__(self, values: Any) -> Self:  # type: ignore[override,misc]
        self.update(values)
        return self

    def __dir__(self) -> list[str]:
        return [*dict.keys(self), *dict.__dir__(self)]

    def __reduce__(self) -> tuple[Any, ...]:  # dict's own would set items, which a read-only one refuses
        return type(self), (dict(self),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dicts, sharing nothing that can be changed with this one."""
        return {key: _to_plain(value) for key, value in self.items()}

    def _wrap(self, value: Any) -> Any:
        return type(self)(value) if type(value) is dict else value

    def _explain_missing(self, name: object) -> str:
        names = [str(key) for key in self]
        near = get_close_matches(str(name), names, n=1)
        known = ", ".join(names) or "nothing"
        return f"no key '{name}'; did you mean '{near[0]}'?" if near else f"no key '{name}' (there is: {known})"


class ReadOnlyAttrDict(AttrDict):
    """Refuse every change: a config is changed by its INI or by overrides."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "config values are read-only; pass an override instead: load_config(path, ['section.key=value'])"
        )

    __setitem__ = __setattr__ = __delitem__ = __delattr__ = __ior__ = _refuse
    update = pop = popitem = setdefault = clear = _refuse


def _to_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    return value
