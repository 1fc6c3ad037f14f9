"""Dotted options of the command line that change single keys: ``--optim.optimizer_params.lr 1e-4`` (F3.1)."""

import argparse
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from auto_train.errors import UsageError
from auto_train.training.pipeline.qdict import qDict

MAX_DEPTH = 8
SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TRUE, FALSE = ("yes", "true", "t", "y"), ("no", "false", "f", "n")


@dataclass(frozen=True, kw_only=True)
class Override:
    """One key to change.

    Args:
        key: dotted.
        text: its new value as typed; None: only the key was given.
    """

    key: str
    text: str | None


def parse_bool(text: str) -> bool:
    """Return what a word of the command line means.

    Raises:
        ArgumentTypeError: it is no word for true or false.
    """
    word = text.lower()
    if word in (*TRUE, "1") or word in (*FALSE, "0"):
        return word in (*TRUE, "1")
    raise argparse.ArgumentTypeError(f"'{text}' is neither yes nor no")


def take_overrides(words: Sequence[str], options: Collection[str]) -> tuple[list[Override], list[str]]:
    """Separate the dotted options of a command line from the rest.

    A value that begins with ``-`` needs ``=``: ``--a.b=-1``.

    Args:
        words: of the command line.
        options: names that belong to the argument parser, dotted or not.
    """
    overrides: list[Override] = []
    rest: list[str] = []
    pending = list(words)
    while pending:
        word = pending.pop(0)
        key, has_value, text = word.partition("=")
        if word == "--":
            return overrides, [*rest, word, *pending]
        if not key.startswith("--") or "." not in key or key in options:
            rest.append(word)
        elif has_value:
            overrides.append(Override(key=key[2:], text=text))
        else:
            takes_next = bool(pending) and not pending[0].startswith("-")
            overrides.append(Override(key=key[2:], text=pending.pop(0) if takes_next else None))
    return overrides, rest


def apply_overrides(args: qDict, overrides: Sequence[Override], owned: Collection[str]) -> None:
    """Set the keys, as the type that is there already; a new key becomes a number or a truth value if it reads so.

    Args:
        args: changed in place; mappings on the way to a key are made.
        owned: keys that options of the parser set.

    Raises:
        UsageError: a key that is given twice, is malformed, too deep, owned by the parser or leads through a value;
            a value of another type.
    """
    seen: set[str] = set()
    for override in overrides:
        if override.key in seen:
            raise UsageError(f"Duplicate override key '{override.key}'", hint="give it once")
        seen.add(override.key)
        _set(args, override, _segments(override.key, owned))


def _segments(key: str, owned: Collection[str]) -> list[str]:
    segments = key.split(".")
    if not all(SEGMENT.fullmatch(segment) for segment in segments):
        hint = "letters, digits and _ between the dots, no digit first"
        raise UsageError(f"Invalid override key '{key}'", allowed=hint)
    if len(segments) > MAX_DEPTH:
        raise UsageError(f"Override key '{key}' is {len(segments)} deep", allowed=f"at most {MAX_DEPTH}")
    if segments[0] in owned:
        raise UsageError(f"Override key '{key}': '{segments[0]}' is an option of its own", hint=f"see --{segments[0]}")
    return segments


def _set(args: qDict, override: Override, segments: list[str]) -> None:
    *path, last = segments
    inner: Any = args
    for depth, segment in enumerate(path, 1):
        if inner.get(segment) is None:
            inner[segment] = {}
        inner = inner[segment]
        if not isinstance(inner, dict):
            message = f"Invalid override path '{override.key}': {'.'.join(path[:depth])} is '{inner}', no mapping"
            raise UsageError(message)
    inner[last] = _value(override, inner.get(last))


def _value(override: Override, old: Any) -> Any:
    key, text = override.key, override.text
    if text is None:
        if old is None or isinstance(old, bool):
            return True
        raise UsageError(f"'--{key}' needs a value: it is '{old}' now", hint=f"--{key}=VALUE")
    if old is None:
        return _read(text)
    if isinstance(old, str):
        return text
    for kind, parse in ((bool, parse_bool), (int, int), (float, float)):
        if isinstance(old, kind):
            try:
                return parse(text)
            except (ValueError, argparse.ArgumentTypeError):
                raise UsageError(f"Invalid {kind.__name__} override for '{key}': '{text}'; it is '{old}' now") from None
    raise UsageError(f"'{key}' is a {type(old).__name__}, which no option can replace", hint="change the file")


def _read(text: str) -> int | float | bool | str:
    for parse in (int, float):
        try:
            return parse(text)
        except ValueError:
            pass
    word = text.lower()
    return word in TRUE if word in (*TRUE, *FALSE) else text
