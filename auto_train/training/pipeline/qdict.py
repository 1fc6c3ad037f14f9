"""qDict: the attribute dict of F3.5. Its strict form, which knows no defaults, is config/attrdict.py."""

import copy
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from auto_train.config import AttrDict


class qDict(AttrDict):  # noqa: N801 - the name is contract F3.5
    """An AttrDict in which a missing key is None.

    Args:
        d: a mapping, pairs, or the Namespace of an argument parser; dicts in it become qDicts with the same defaults.
        default_function: called for a missing key; what it returns is stored under that key. Wins over the next.
        allow_notexist: read missing keys as None; False: KeyError or AttributeError.
    """

    def __init__(
        self,
        d: Mapping[str, Any] | Iterable[tuple[str, Any]] | Namespace | None = None,
        default_function: Callable[[], Any] | None = None,
        allow_notexist: bool = True,
    ):
        # beside the items: an attribute of AttrDict is an item
        object.__setattr__(self, "_default_function", default_function)
        object.__setattr__(self, "_allow_notexist", allow_notexist)
        super().__init__(dict(vars(d) if isinstance(d, Namespace) else d or {}))

    def __getitem__(self, path: str) -> Any:
        try:
            return self._find(path)
        except KeyError:
            if self._default_function is not None:
                self[path] = self._default_function()
                return dict.__getitem__(self, path)
            if self._allow_notexist:
                return None
            raise

    def __getattr__(self, name: str) -> Any:
        # Python asks objects for optional special methods (copy, pickle, NumPy): they have to be missing.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(*error.args) from None

    def recursive_update(self, values: Mapping[str, Any]) -> Self:
        """Take the values, mappings key by key at every depth, and return self."""
        for key, value in values.items():
            inner = dict.get(self, key)
            if isinstance(value, Mapping) and isinstance(inner, qDict):
                inner.recursive_update(value)
            else:
                self[key] = value
        return self

    def lazy_update(self, values: Mapping[str, Any]) -> Self:
        """Take the keys that are not there yet, and return self."""
        for key, value in values.items():
            self.setdefault(key, value)
        return self

    def copy(self) -> Self:
        """Return another qDict of the same values, which both share."""
        return copy.copy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self._default_function, self._allow_notexist)

    def _wrap(self, value: Any) -> Any:
        is_plain = isinstance(value, dict) and not isinstance(value, qDict)
        return type(self)(value, self._default_function, self._allow_notexist) if is_plain else value
