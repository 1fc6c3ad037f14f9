"""Comments behind a value that do not read as one: a '#' in a class name or in a path has cut the value."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from auto_train.config.problem import Problem
from auto_train.config.scan import KEY_LINE
from auto_train.config.values import quote
from auto_train.config.variables import Address, Cell
from auto_train.types import to_absolute

# What a text can be part of; of a number or a word nothing is cut.
TEXTS = ("str", "path", "url", "any")


def check_cuts(cells: Mapping[Address, Cell]) -> list[Problem]:
    """Return a warning for each comment that looks like a part of the value before it, at its own line."""
    written = [cell for cell in cells.values() if cell.entry.cuts and cell.entry.origin.kind != "default"]
    return [problem for cell in written if (cell.spec.item or cell.spec).type in TEXTS for problem in _check(cell)]


def _check(cell: Cell) -> Iterator[Problem]:
    entry = cell.entry
    for line, text in entry.cuts:
        if _is_part(line, text, cell):
            what = "the item" if cell.spec.type == "list" else "the whole value"
            message = (
                f"{quote(text)} is read as a comment, not as part of the value; if it belongs to the value, put "
                f"{what} in double quotes; else write a blank after the '{text[0]}'"
            )
            yield replace(entry.problem(message), line=line, level="warning")


def _is_part(line: int, text: str, cell: Cell) -> bool:
    """Tell whether a comment looks like a part of the value.

    No blank follows its mark, a comma is left at the end of the list, or the path with it is there.
    """
    rest = text.lstrip("#;")
    if KEY_LINE.match(rest):  # a key that was commented out
        return False
    if rest[:1].isalnum() or rest[:1] in ("/", "_", "'", '"'):
        return True
    if cell.spec.type == "list":
        is_last = line == cell.entry.cuts[-1][0]
        return is_last and cell.entry.text.endswith(",")
    return cell.spec.type == "path" and os.path.exists(to_absolute(f"{cell.value} {text}"))  # noqa: PTH110
