"""Overrides on the command line: ``--a.b 3``, ``--a.b=3`` and ``a.b=3``, anywhere among the options."""

import re
from typing import Any

from typer.core import TyperCommand

from auto_train.errors import UsageError

DOTTED = re.compile(r"--([A-Za-z_@][\w@-]*(?:\.[\w@-]+)+)(?:=(.*))?", re.DOTALL)
OVERRIDE = re.compile(r"[A-Za-z_@][\w@-]*(\.[\w@-]+)+=.*", re.DOTALL)


class OverridesCommand(TyperCommand):
    """A command whose last argument is a list of overrides, which may also be written as options."""

    takes_names = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        valued = {name for option in self.params if not getattr(option, "is_flag", True) for name in option.opts}
        return super().parse_args(ctx, as_positional(args, valued, names=self.takes_names))


def as_positional(args: list[str], valued: set[str], *, names: bool = False) -> list[str]:
    """Rewrite overrides as ``section.key=value`` and put them last.

    Args:
        args: the words after the verb.
        valued: the verb's own options that take the next word as their value.
        names: whether other words are the verb's own arguments, which stay in front.

    Raises:
        UsageError: a key without a value, or a word that is neither option nor override.
    """
    words, rest, overrides = iter(args), [], []
    for word in words:
        dotted = DOTTED.fullmatch(word)
        if dotted:
            key, value = dotted.groups()
            overrides.append(f"{key}={_value(key, words) if value is None else value}")
        elif word in valued:
            rest += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif (word.startswith("-") and word != "-") or (names and not OVERRIDE.fullmatch(word)):
            rest.append(word)
        else:
            overrides.append(_check_word(word))
    return [*rest, *overrides]


def _value(key: str, words: Any) -> str:
    value = next(words, None)
    if value is None or value.startswith("--"):
        raise UsageError(f"--{key} has no value", hint=f"write --{key} VALUE or {key}=VALUE")
    return value


def _check_word(word: str) -> str:
    if OVERRIDE.fullmatch(word):
        return word
    hint = f"did you mean --config={word}?" if word.endswith(".ini") else ""
    raise UsageError(f"'{word}' is no override", allowed="section.key=value", hint=hint)
