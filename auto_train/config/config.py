"""The checked config: read-only values by attribute and dotted path, their origins, and the functions they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train import registry
from auto_train.config.attrdict import AttrDict, ReadOnlyAttrDict
from auto_train.config.declare import Declarations, find_near_name, parents
from auto_train.config.problem import Origin, Problem
from auto_train.config.render import render_ini
from auto_train.config.spec import Spec
from auto_train.config.values import cast, dump
from auto_train.config.variables import Address, Cell
from auto_train.errors import AutoTrainError, TaskContractError, UsageError


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is known of one key.

    Args:
        key: dotted path.
        value: the final value.
        written: the text it comes from, references not filled in.
        spec: which values it takes.
        meaning: what it is for.
        origin: who set it.
        default: the recipe's text for it; none where the recipe does not know the key.
        resume: what a changed value does to a run that goes on, see :meth:`Config.on_resume`.
    """

    key: str
    value: Any
    written: str
    spec: str
    meaning: str
    origin: Origin
    default: str | None
    resume: str

    @property
    def shown(self) -> str:
        """The value as an INI writes it."""
        return dump(self.value)


class Config:
    """Final values of an INI, typed, variables filled in, functions not called.

    ``config.training.scheme.epochs`` and ``config["training.scheme.epochs"]`` read a value, ``"a.b" in config`` asks
    for one, ``dir(config.training)`` lists keys. A section that may hold a function and does not is absent.
    """

    def __init__(
        self,
        cells: Mapping[Address, Cell],
        declared: Declarations,
        *,
        sections: Sequence[str] = (),
        path: Path | None = None,
        warnings: tuple[Problem, ...] = (),
    ):
        self._cells, self._declared = dict(cells), declared
        self._sections = _order_sections(declared, [*sections, *(section for section, _ in cells)])
        self._values = ReadOnlyAttrDict(self._tree())
        self.path, self.warnings = path, warnings

    def _tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for section in self._sections:
            keys = [address for address in self._cells if address[0] == section]
            if keys or not self._declared.is_free(section):
                node = tree
                for part in section.split("."):
                    node = node.setdefault(part, {})
                node.update({key: self._cells[section, key].value for _, key in keys})
        return tree

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # not yet set while copying or unpickling
            raise AttributeError(name)
        return getattr(self._values, name)

    def __getitem__(self, path: str) -> Any:
        return self._values[path]

    def __contains__(self, path: object) -> bool:
        return path in self._values

    def __dir__(self) -> list[str]:
        return [*self._values, *super().__dir__()]

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Config) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Config({str(self.path)!r})"

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path, or the default where there is none."""
        return self._values.get(path, default)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dicts; changing them changes nothing here."""
        return self._values.to_dict()

    @property
    def recipe(self) -> registry.Recipe:
        """The recipe that ``project.type`` names."""
        return self._declared.recipe

    def keys(self) -> list[str]:
        """Return the dotted path of every key, in the order of the recipe."""
        return [f"{section}.{key}" for section in self._sections for at, key in self._cells if at == section]

    def origin(self, path: str) -> Origin:
        """Return who set a key: file, line, and whether that is the recipe, a base, the INI or an override.

        Raises:
            UsageError: there is no such key.
        """
        return self._cell(path).entry.origin

    def explain(self, path: str) -> Explanation:
        """Return what is known of a key: value, meaning, allowed values, who set it.

        Raises:
            UsageError: there is no such key.
        """
        cell = self._cell(path)
        defaults = [
            f"{at.section}.{at.key}" == path and at.text for layer in self._declared.layers for at in layer.entries
        ]
        default = next((text for text in reversed(defaults) if text is not False), None)
        spec: Spec = cell.spec
        return Explanation(
            key=path,
            value=cell.value,
            written=cell.entry.text,
            spec=spec.text,
            meaning=spec.meaning,
            origin=cell.entry.origin,
            default=default,
            resume=self.on_resume(path),
        )

    def cast(self, path: str, value: Any) -> Any:
        """Return a value as the key at a dotted path takes it.

        Raises:
            UsageError: there is no such key, or it takes no such value.
        """
        spec = self._cell(path).spec
        try:
            return cast(dump(value), spec)
        except ValueError as error:
            raise UsageError(str(error), where=path) from error

    def on_resume(self, path: str) -> str:
        """Return what a changed value does to a run that goes on: ``safe``, ``re-plans`` or ``refused, WHY``.

        A key that no recipe declares changes nothing by itself, since variables are filled in before a run begins.
        """
        section, _, key = path.rpartition(".")
        if (section, key) not in self._declared.specs and not self._declared.is_free(section):
            return "safe"
        return self._declared.on_resume(section, key) or "refused, its recipe does not say that it may change"

    def to_ini(self, *, resolved: bool = True) -> str:
        """Return the whole config as INI text with its comments; loaded again it gives the same config.

        Args:
            resolved: final values; else as written, ``${…}`` kept, all defaults explicit.
        """
        return render_ini(self._cells, self._declared, self._sections, resolved=resolved)

    def has_function(self, section: str) -> bool:
        """Tell whether a section names a function."""
        found = self.get(section)
        return isinstance(found, dict) and any(key.startswith("@") for key in found)

    def resolve(self, section: str) -> Any:
        """Return a section with its functions called now, nested ones first; each call builds anew.

        Raises:
            UsageError: there is no such section.
            TaskContractError: a function failed; the message names it and its line in the INI.
        """
        if section not in self:
            raise UsageError(f"there is no section [{section}]", where=str(self.path or ""))
        values = self[section]
        try:
            return registry.resolve(values.to_dict() if isinstance(values, AttrDict) else values)
        except AutoTrainError:
            raise
        except Exception as error:  # a user's function may fail in any way
            inside = [at for at in self._cells if at[1].startswith("@") and f"{at[0]}.".startswith(f"{section}.")]
            message = f"a function of this section fails: {type(error).__name__}: {error}"
            raise TaskContractError(message, where=self._cells[inside[0]].entry.problem("").where) from error

    def resolve_all(self) -> AttrDict:
        """Return all values with every function section replaced by what its function returns."""
        found = self.to_dict()
        for section in self._sections:
            if self.has_function(section) and not any(self.has_function(outer) for outer in parents(section)):
                node = found
                *outer, last = section.split(".")
                for part in outer:
                    node = node[part]
                node[last] = self.resolve(section)
        return AttrDict(found)

    def _cell(self, path: str) -> Cell:
        section, _, key = path.rpartition(".")
        if (section, key) not in self._cells:
            near, _ = find_near_name(path, self.keys())
            raise UsageError(f"there is no key '{path}'", hint=f"did you mean '{near}'?" if near else "")
        return self._cells[section, key]


def _order_sections(declared: Declarations, others: Sequence[str]) -> list[str]:
    """Return all sections: the recipe's in its order, each other one after the last of its top-level name."""
    names = declared.sections
    for name in dict.fromkeys(others):
        if name not in names:
            family = [at for at, known in enumerate(names) if known.partition(".")[0] == name.partition(".")[0]]
            names.insert(family[-1] + 1 if family else len(names), name)
    return names
