"""What of a run's config changes when it goes on, and whether that is allowed; each recipe's config.ini says so."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auto_train.config import Config
from auto_train.config.values import dump
from auto_train.errors import UsageError
from auto_train.runs.folder import RunFolder
from auto_train.types import as_plain

ABSENT = "(absent)"
# Longest value in a table; a path is as well known by its ends.
MAX_SHOWN = 40


@dataclass(frozen=True, kw_only=True)
class Change:
    """One key whose value is another than in the run so far.

    Attributes:
        key: dotted path.
        before, after: as an INI writes them.
        effect: ``safe``, ``re-plans``, or ``refused, WHY``.
    """

    key: str
    before: str
    after: str
    effect: str

    @property
    def is_refused(self) -> bool:
        return self.effect.startswith("refused")

    @property
    def shown(self) -> str:
        """The effect for people."""
        texts = {"safe": "safe", "re-plans": "re-plans the schedule"}
        return texts.get(self.effect, self.effect.replace("refused,", "refused:", 1))


def flat(config: Config) -> dict[str, Any]:
    """Return the final values by dotted path, as plain as a checkpoint takes them."""
    return {key: as_plain(config[key]) for key in config.keys()}  # noqa: SIM118 - a Config is no mapping


def find_changes(before: Mapping[str, Any], after: Config) -> list[Change]:
    """Return every key whose value differs, in the order of the recipe.

    Args:
        before: as :func:`flat` gave it.
        after: the config to go on with. Its defaults for keys that were not there before are no change: a newer version
            of the program has brought them.
    """
    new, found = flat(after), []
    for key in dict.fromkeys([*new, *before]):
        if key in new and key in before and _equal(before[key], new[key]):
            continue
        if key not in before and after.origin(key).kind == "default":
            continue
        texts = [dump(values[key]) if key in values else ABSENT for values in (before, new)]
        found.append(Change(key=key, before=texts[0], after=texts[1], effect=after.on_resume(key)))
    return found


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def check_allowed(changes: Sequence[Change], run: RunFolder) -> None:
    """Pass if a run may go on with these changes.

    Raises:
        UsageError: naming all that it may not, and the command that trains anew with them.
    """
    refused = [change for change in changes if change.is_refused]
    if not refused:
        return
    words = [f"{change.key}={change.after}" for change in changes if change.after != ABSENT]
    command = shlex.join(["python", "main.py", "train", f"--config={run.shown}/config.ini", *words])
    title = f"{len(refused)} of {len(changes)} changes are" if len(changes) > 1 else "this change is"
    raise UsageError(
        "\n".join([f"{title} not for a run that goes on:", *table(refused)]),
        where=str(run.path),
        hint=f"leave them out, or train anew: {command}",
    )


def table(changes: Sequence[Change]) -> list[str]:
    """Return aligned lines: key, value before, value after, what the change does."""
    rows = [(change.key, _shorten(change.before), _shorten(change.after), change.shown) for change in changes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {key:{widths[0]}}  {before:>{widths[1]}} → {after:{widths[2]}}  {effect}"
        for key, before, after, effect in rows
    ]


def _shorten(text: str) -> str:
    if len(text) <= MAX_SHOWN:
        return text
    half = MAX_SHOWN // 2
    return f"{text[: half - 1]}…{text[-half:]}"
