"""``[META] base`` and ``$BASE``: which files a file builds on, lowest first (F2.15, F3.2). INI and YAML share it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from auto_train.errors import MissingError, UsageError

MAX_DEPTH = 5


class BaseFormError(UsageError, TypeError):
    """A base that is neither a file name, a list nor a mapping of them."""


class Document(Protocol):
    """A file that may name others."""

    @property
    def base(self) -> Any:
        """File name, list of them, mapping of key to them, or nothing."""


D = TypeVar("D", bound=Document)


class Inheritance(Generic[D]):
    """Walk a file and everything it inherits from.

    Args:
        read: gives the document of an absolute path.
        locate: gives the absolute path of a base named in a file: ``locate(name, file)``.
    """

    def __init__(self, read: Callable[[Path], D], locate: Callable[[str, Path], Path]):
        self.read, self.locate = read, locate

    def walk(self, file: Path, prefix: str = "", chain: tuple[Path, ...] = ()) -> Iterator[tuple[str, D]]:
        """Yield (key its content belongs under, document), what wins last.

        Two bases may share a grandparent; only a file that inherits from itself is a loop.

        Raises:
            UsageError: a loop, or more than MAX_DEPTH levels.
            BaseFormError: a base that is no name, list or mapping.
            MissingError: a base that does not exist.
        """
        real = file.resolve() if os.path.exists(file) else file  # noqa: PTH110 - both raise for a name no system takes
        if real in chain:
            names = " → ".join(path.name for path in (*chain[chain.index(real) :], real))
            raise UsageError(f"Loop Inherit: {names}", where=str(chain[-1]))
        if len(chain) > MAX_DEPTH:
            raise UsageError(
                f"inherit depth should be <{MAX_DEPTH}: {file.name} is one level too deep", where=str(file)
            )
        document = self.read(file)
        for below, name in flatten(document.base, file, prefix):
            yield from self.walk(self.locate(name, file), below, (*chain, real))
        yield prefix, document


def flatten(base: Any, file: Path, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (key prefix, file name) of every form a base may have: name, list, mapping, and mixtures."""
    if isinstance(base, str):
        yield prefix, base
    elif isinstance(base, list | tuple):
        for item in base:
            yield from flatten(item, file, prefix)
    elif isinstance(base, dict):
        for key, item in base.items():
            yield from flatten(item, file, f"{prefix}.{key}".strip("."))
    elif base is not None:
        raise BaseFormError(
            f"'{base}' is no base", where=str(file), allowed="a file name, a list of them, or a mapping of key to them"
        )


def find_first_existing(name: str, candidates: list[Path], file: Path) -> Path:
    """Return the first path that is a file.

    Raises:
        MissingError: none is; the message names where it was looked for.
    """
    for path in candidates:
        if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name the system refuses
            return path
    tried = ", ".join(str(path) for path in candidates)
    raise MissingError(f"the base '{name}' does not exist", where=str(file), hint=f"looked for: {tried}")
