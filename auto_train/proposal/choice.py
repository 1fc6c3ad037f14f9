"""A key of an INI, its value, and why."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One line of an INI.

    Attributes:
        key: dotted path.
        value: as the config gives it back.
        why: one sentence in small letters, its comment.
    """

    key: str
    value: Any
    why: str
