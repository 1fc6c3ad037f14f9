"""``${section.key}``: what a reference means, and the order in which values become final.

The syntax and its meaning are confection's. Its substitution is not used: it joins JSON texts, so that ``10 ${unit}``
loses the blank, ``v${x}`` turns 1.10 into v1.1, and a quote inside a text breaks the value around it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from auto_train.config.problem import Problem
from auto_train.config.scan import Entry
from auto_train.config.spec import ANY, Spec
from auto_train.config.values import cast, check_url, dump, quote

TOKEN = re.compile(r"\$\$|\$\{([^}$]*)\}|\$")
PATH = re.compile(r"@?[\w-]+([.:]@?[\w-]+)*")
MAX_DEPTH = 100

Address = tuple[str, str]


@dataclass(kw_only=True, slots=True)
class Cell:
    """One key of the merged config.

    Args:
        entry: the entry that won, with its origin.
        spec: what the key may hold.
        value: the final value.
        text: the final value as text; a number keeps the digits it was written with.
    """

    entry: Entry
    spec: Spec = ANY
    value: Any = None
    text: str = ""


class Variables:
    """Fill the cells' values in, each after those it refers to.

    Args:
        cells: by section and key; their values are set.
        sections: every section, parents included.
        is_complete: whether a reference to an unknown name is a mistake.
    """

    def __init__(self, cells: Mapping[Address, Cell], sections: set[str], *, is_complete: bool = True):
        self.cells, self.sections, self.is_complete = cells, sections, is_complete
        self.problems: list[Problem] = []
        self.used: set[str] = set()  # paths that references name
        self._done: dict[Address, bool] = {}
        self._chain: list[Address] = []

    def settle(self, address: Address) -> bool:
        """Make one value final, with all it refers to; tell whether it has one."""
        if address in self._done:
            return self._done[address]
        if address in self._chain or len(self._chain) > MAX_DEPTH:
            self._report_chain(address)
            return False
        self._chain.append(address)
        self._done[address] = self._settle(self.cells[address], address)
        self._chain.pop()
        return self._done[address]

    def _settle(self, cell: Cell, address: Address) -> bool:
        raw = cell.entry.text.strip()
        if cell.entry.is_broken:
            return False
        targets = self._targets(cell, raw)
        if targets is None:
            return False
        settled = [self.settle(inner) for path in targets.values() for inner in self._cells(path)]
        if not all(settled):
            return False
        whole = re.fullmatch(r"\$\{([^}$]*)\}", raw)
        if whole and not self._is_key(targets[whole[1]]):
            cell.value = self.mapping(targets[whole[1]])
            return True
        try:
            text = self._substitute(raw, targets)
            cell.value = cast(text, cell.spec)
        except ValueError as error:
            source = f"; it comes from {quote(raw)}" if targets else ""
            self.problems.append(cell.entry.problem(f"{error}{source}"))
            return False
        is_number = isinstance(cell.value, int | float) and not isinstance(cell.value, bool)
        cell.text = text.strip("\"' ") if is_number else dump(cell.value)
        self._warn_of_urls(cell)
        return True

    def _targets(self, cell: Cell, raw: str) -> dict[str, str] | None:
        """Return the full path each reference of a text means; none, with problems, where one cannot be found."""
        targets: dict[str, str] = {}
        failed = False
        for token in TOKEN.finditer(raw):
            if token[0] == "$$":
                continue
            name = token[1]
            path = self.find(cell.entry, name) if name is not None and PATH.fullmatch(name) else None
            message = self._complaint(cell, raw, name, path)
            failed = failed or path is None or bool(message)
            if message:
                self.problems.append(cell.entry.problem(message))
            elif name is not None and path is not None:
                targets[name] = path
                self.used.add(path)
        return None if failed else targets

    def _complaint(self, cell: Cell, raw: str, name: str | None, path: str | None) -> str:
        if name is None:
            return "a '$' must begin ${section.key}; write '$$' for a dollar sign"
        if not PATH.fullmatch(name):
            return f"'${{{name}}}' is no reference (allowed: ${{section.key}}, ${{key}}, ${{section}})"
        if path is None:
            return f"'${{{name}}}' is not defined{self._suggest(name)}" if self.is_complete else ""
        if path in self.sections and not self._is_key(path) and raw != f"${{{name}}}":
            return f"'${{{name}}}' is a whole section and cannot stand inside a longer value"
        return ""

    def find(self, entry: Entry, name: str) -> str | None:
        """Return the path of the key or section that a reference means, if there is one.

        ``${key}`` is the key beside it, else a whole section. In the key's own value it is the enclosing section's.
        """
        path = name.replace(":", ".")
        if "." in path:
            return path if self._is_key(path) or path in self.sections else None
        scope = entry.section
        if path == entry.key:
            scope = scope.rpartition(".")[0]
            while scope and not self._is_key(f"{scope}.{path}"):
                scope = scope.rpartition(".")[0]
        if scope and self._is_key(f"{scope}.{path}"):
            return f"{scope}.{path}"
        if path in self.sections:
            return path
        return f"{entry.section}.{path}" if path == entry.key else None

    def mapping(self, section: str) -> dict[str, Any]:
        """Return the final values of a section and those below it, as a copy."""
        values: dict[str, Any] = {}
        for name, key in self._cells(section):
            inner = values
            for part in name.removeprefix(section).strip(".").split(".") if name != section else []:
                inner = inner.setdefault(part, {})
            inner[key] = deepcopy(self.cells[name, key].value)
        return values

    def _is_key(self, path: str) -> bool:
        return _split(path) in self.cells

    def _cells(self, path: str) -> Iterator[Address]:
        if self._is_key(path):
            yield _split(path)
        else:
            yield from [at for at in self.cells if at[0] == path or at[0].startswith(f"{path}.")]

    def _substitute(self, raw: str, targets: Mapping[str, str]) -> str:
        quoted = raw[:1] in ('"', "[", "{") and '"' in raw

        def fill(token: re.Match[str]) -> str:
            if token[0] == "$$":
                return "$"
            cell = self.cells[_split(targets[token[1]])]
            if token[0] == raw:
                return cell.text
            text = cell.value if isinstance(cell.value, str) else cell.text
            is_inside = quoted and raw.count('"', 0, token.start()) % 2 == 1
            return json.dumps(text, ensure_ascii=False)[1:-1] if is_inside else text

        return TOKEN.sub(fill, raw)

    def _suggest(self, name: str) -> str:
        """Return the nearest path, by the whole name or by its last part."""
        paths = {key: f"{section}.{key}" for section, key in self.cells}
        near = get_close_matches(name, [*map(".".join, self.cells), *paths], n=1, cutoff=0.6)
        found = near[0] if near else name.rpartition(".")[2]
        path = paths.get(found, found)
        return f"; did you mean '${{{path}}}'?" if near or found in paths else ""

    def _report_chain(self, address: Address) -> None:
        entry = self.cells[address].entry
        if address not in self._chain:
            self.problems.append(entry.problem(f"references are chained more than {MAX_DEPTH} deep"))
            return
        loop = [*self._chain[self._chain.index(address) :], address]
        names = " → ".join(f"{section}.{key}" for section, key in loop)
        self.problems.append(entry.problem(f"its value depends on itself: {names}"))

    def _warn_of_urls(self, cell: Cell) -> None:
        spec = cell.spec.item if cell.spec.type == "list" and cell.spec.item else cell.spec
        if spec.type != "url" or cell.value is None:
            return
        for url in cell.value if isinstance(cell.value, list) else [cell.value]:
            if message := check_url(url):
                at = cell.entry.origin
                found = {"section": cell.entry.section, "key": cell.entry.key, "file": at.file, "line": at.line}
                self.problems.append(Problem(message=message, level="warning", **found))  # type: ignore[arg-type]


def _split(path: str) -> Address:
    section, _, key = path.rpartition(".")
    return section, key
