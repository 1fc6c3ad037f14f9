"""What a key may hold, written once: the line ``# int >= 1 · meaning`` above it in a recipe's config.ini.

str · path · url · timm · bool · int · float · any   int and float with a range: >= 1, > 0, <= 9, < 9, 0..1
list of TYPE · list of unique TYPE · one of a, b, c  any of them followed by: or none

A meaning that begins with ``refused: WHY`` or ``no effect: WHY`` says that this recipe refuses, or does not use,
another value of the key than its default, or any key of the section: lint reports it.

It may end in what a changed value does to a run that goes on: ``· resume: safe``, ``re-plans`` or ``refused, WHY``.
"""

import inspect
import math
import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

Type = Literal["str", "path", "url", "timm", "bool", "int", "float", "any", "list", "choice"]
SIMPLE = ("str", "path", "url", "timm", "bool", "int", "float", "any")
TYPES = "str, path, url, timm, bool, int, float, any"
GRAMMAR = f"{TYPES}, 'list of [unique] TYPE' or 'one of a, b'; 'int >= 1', '0..1', 'or none'"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})")
BOUND = re.compile(rf"(>=|>|<=|<)\s*({NUMBER})")
UNUSED = re.compile(r"(refused|no effect): (\S.*)", re.DOTALL)
RESUME = re.compile(r"(safe|re-plans|refused, \S.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """Say which values a key takes.

    Args:
        type: the kind of value; ``timm`` names one of timm's models, ``choice`` is one of ``choices``, ``list`` holds
            ``item``.
        text: the spec as written, for messages.
        meaning: what the key is for.
        resume: what a changed value does to a run that goes on: ``safe``, ``re-plans`` the schedule, ``refused, WHY``;
            "" where the key does not say.
        low: least number allowed.
        high: largest number allowed.
        low_open: whether ``low`` itself is refused.
        high_open: whether ``high`` itself is refused.
        optional: whether none is allowed.
        choices: the allowed words, as values.
        item: the spec of a list's items.
        unique: whether no item may stand in the list twice.
    """

    type: Type
    text: str
    meaning: str = ""
    resume: str = ""
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    optional: bool = False
    choices: tuple[bool | int | float | str | None, ...] = ()
    item: "Spec | None" = None
    unique: bool = False

    @property
    def unused(self) -> tuple[str, str]:
        """Return ``refused`` or ``no effect`` and why, where the recipe says that of the key; else two empty texts."""
        found = UNUSED.match(self.meaning)
        return (found[1], found[2]) if found else ("", "")

    def accepts(self, number: float) -> bool:
        """Tell whether a number is within the range."""
        above = number > self.low if self.low_open else number >= self.low
        return above and (number < self.high if self.high_open else number <= self.high)


ANY = Spec(type="any", text="any")


@lru_cache(maxsize=1024)  # the same lines with every load
def parse_spec(comment: str) -> Spec:
    """Return the spec that a comment block begins with.

    Args:
        comment: ``int >= 1 or none · meaning``, perhaps with ``· resume: …`` at its end; further lines continue it.

    Raises:
        ValueError: the text before the dot is no spec, or that after ``resume:`` none of its words.
    """
    text, _, rest = comment.replace("\n", " ").partition("·")
    meaning, found, resume = rest.partition("· resume:")
    spec = _parse(text.strip())
    return replace(spec, meaning=meaning.strip(), resume=parse_resume(resume) if found else "")


def parse_resume(text: str) -> str:
    """Return what a changed value does to a run that goes on.

    Raises:
        ValueError: the text says none of the three.
    """
    if not RESUME.fullmatch(text.strip()):
        raise ValueError(f"'resume: {text.strip()}' is none of 'resume: safe', 're-plans' and 'refused, WHY'")
    return text.strip()


def _parse(text: str) -> Spec:
    core = text.removesuffix(" or none")
    optional = core != text
    if core.startswith("list of "):
        of = core.removeprefix("list of ").strip()
        item = of.removeprefix("unique ")
        return Spec(type="list", text=text, item=_parse(item.strip()), optional=optional, unique=item != of)
    if core.startswith("one of "):
        words = [word.strip() for word in core.removeprefix("one of ").split(",")]
        if not all(words):
            raise ValueError(f"'{text}' is no spec: a choice is empty")
        return Spec(type="choice", text=text, choices=tuple(map(parse_word, words)), optional=optional)
    name, _, bounds = core.partition(" ")
    if name not in SIMPLE or (bounds and name not in ("int", "float")):
        raise ValueError(f"'{text}' is no spec (allowed: {GRAMMAR})")
    return replace(_parse_range(bounds.strip(), text), type=name, text=text, optional=optional)  # type: ignore[arg-type]


def _parse_range(bounds: str, text: str) -> Spec:
    spec = Spec(type="any", text=text)
    if not bounds:
        return spec
    if found := RANGE.fullmatch(bounds):
        spec = replace(spec, low=float(found[1]), high=float(found[2]))
    elif found := BOUND.fullmatch(bounds):
        sign, number = found[1], float(found[2])
        is_open = len(sign) == 1
        below = replace(spec, low=number, low_open=is_open)
        spec = below if sign[0] == ">" else replace(spec, high=number, high_open=is_open)
    else:
        raise ValueError(f"'{bounds}' in '{text}' is no range (allowed: >= 1, > 0, <= 9, < 9, 0..1)")
    if spec.low > spec.high:
        raise ValueError(f"the range '{bounds}' in '{text}' is empty: write the smaller number first")
    return spec


def parse_word(text: str) -> bool | int | float | str | None:
    """Return a bare word as the value it stands for: true, none, 3, 0.5 or itself."""
    words: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    if re.fullmatch(r"[+-]?\d{1,300}", text):
        return int(text)
    return float(text) if re.fullmatch(NUMBER, text) else text


def argument_spec(hint: Any) -> Spec:
    """Return the spec that a function argument's annotation amounts to; ``any`` where it is no plain type."""
    simple = {bool: "bool", int: "int", float: "float", str: "str", Path: "path"}
    name = inspect.formatannotation(hint).replace("typing.", "")
    if hint in simple:
        return Spec(type=simple[hint], text=name)  # type: ignore[arg-type]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in args and len(args) == 2:
        inner = argument_spec(next(arg for arg in args if arg is not type(None)))
        return replace(inner, text=name, optional=True)
    if origin is Literal:
        return Spec(type="choice", text=name, choices=args)
    if hint is list or origin in (list, Sequence):
        return Spec(type="list", text=name, item=argument_spec(args[0]) if args else ANY)
    return Spec(type="any", text=name)
