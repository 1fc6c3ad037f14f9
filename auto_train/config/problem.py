"""What is wrong with a config, and where a value came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["default", "base", "ini", "override"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Say who set a key.

    Args:
        file: absolute path; none for an override.
        line: first line of the key, from 1; none for an override.
        kind: recipe default, inherited INI, the INI itself, or an override.
    """

    kind: Kind
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        return self.kind if self.file is None else f"{self.file}:{self.line} ({self.kind})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Describe one mistake; ``str()`` gives ``file:line [section] key: message``.

    Args:
        message: what was found, what is allowed, what to do.
        file: absolute path; none for an override.
        line: from 1; none where the whole file is meant.
        section: dotted section name, or nothing.
        key: key in that section, or nothing.
        level: an error stops every verb, a warning does not.
    """

    message: str
    file: Path | None = None
    line: int | None = None
    section: str = ""
    key: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        warning = "warning: " if self.level == "warning" else ""
        return f"{self.where}: {warning}{self.message}" if self.where else self.message

    @property
    def where(self) -> str:
        """The text before the message."""
        if self.file is None:
            name = f"{self.section}.{self.key}" if self.section and self.key else self.section or self.key
            return f"override {name}" if name else ""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return " ".join(part for part in (place, f"[{self.section}]" if self.section else "", self.key) if part)
