"""Licences as packages record them, and what kind each is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Literal

from auto_train.machine.packages import packages

Kind = Literal["none", "permissive", "weak copyleft", "restricted", "copyleft", "unknown"]

# The first that is found counts, so what is part of another's name stands behind it.
KINDS: tuple[tuple[Kind, str], ...] = (
    ("weak copyleft", r"\bL-?GPL|lesser general public|\bGPL\S* WITH \S*exception|\bMPL|mozilla|\bEPL|eclipse|\bCDDL"),
    ("copyleft", r"\bA?GPL|general public|affero|\bSSPL|\bEUPL"),
    ("restricted", r"proprietary|nvidia|\bEULA|commercial|-NC\b|\bNC-|non-?commercial"),
    (
        "permissive",
        r"\bMIT\b|\bBSD\b|\b0BSD|apache|\bISC\b|\bZlib|python software|\bPSF|\bPython-2|unlicense|public domain|\bCC0"
        r"|\bFreeBSD\b|\bCC-BY-\d|\bHPND|historical permission|\bBSL-1|boost|\bMIT-CMU|unicode-|libpng|\bBlueOak"
        r"|permission is hereby granted, free of charge|redistribution and use in source and binary forms",
    ),
    ("none", r"^none\b"),
)
# From free to bound. Of "A OR B" the freer one is taken, of "A AND B" both hold; what is not known may be anything.
ORDER: tuple[Kind, ...] = ("none", "permissive", "weak copyleft", "restricted", "unknown", "copyleft")


@dataclass(frozen=True, kw_only=True)
class Licence:
    """What one thing may be used under.

    Args:
        what: this program, a package, or the weights a model started from.
        name: of the thing.
        version: of a package.
        licence: as recorded, an SPDX expression where there is one; "": nothing is recorded.
        kind: how far it binds.
        used_by: ``core`` and the extras that need it.
    """

    what: Literal["code", "package", "weights"]
    name: str
    version: str | None = None
    licence: str
    kind: Kind
    used_by: tuple[str, ...] = ()


def package_licences() -> list[Licence]:
    """Return the licence of every installed package that the core or an extra needs, by name.

    Raises:
        MissingError: this program is not installed as a package.
    """
    found = []
    for package in packages():
        try:
            licence, kind = find_licence(distribution(package.name))
        except PackageNotFoundError:
            continue
        about = {"name": package.name, "version": package.version, "used_by": package.used_by}
        found.append(Licence(what="package", licence=licence, kind=kind, **about))  # type: ignore[arg-type]
    return found


def find_licence(package: Distribution) -> tuple[str, Kind]:
    """Return a package's licence and its kind.

    Source: https://packaging.python.org/specifications/core-metadata: License-Expression, else classifiers, else the
    field License, which may hold a whole text; else the file that is installed with it.
    """
    for number, text in enumerate(_read_recorded(package)):
        if text and text.strip().upper() != "UNKNOWN":
            # A whole text says AND and OR of much else.
            kind = (_kind_of_one if "\n" in text.strip() else kind_of)(text[:2000])
            if kind != "unknown" or number == 0:  # an expression is the last word, known or not
                return _title(text), kind
    return "", "unknown"


def _read_recorded(package: Distribution) -> Iterator[str | None]:
    about: Any = package.metadata  # an email's header: more than its type says
    yield about.get("License-Expression")
    names = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    yield " AND ".join(name for name in names if name != "OSI Approved")
    yield about.get("License")
    yield _file(package)  # last: to list the files of a large package takes time


def kind_of(licence: str) -> Kind:
    """Return how far a licence binds.

    Args:
        licence: an SPDX expression, the name of a licence or its text.
    """
    while match := re.search(r"\(([^()]* (?:OR|AND) [^()]*)\)", licence):
        licence = licence.replace(match[0], f"kind:{kind_of(match[1])}")
    either = [_strictest(part.split(" AND ")) for part in licence.split(" OR ")]
    return min(either, key=ORDER.index)


def _strictest(names: list[str]) -> Kind:
    return max((_kind_of_one(name) for name in names), key=ORDER.index)


def _kind_of_one(name: str) -> Kind:
    if name.strip().startswith("kind:"):
        return name.strip().removeprefix("kind:")  # type: ignore[return-value]
    return next((kind for kind, pattern in KINDS if re.search(pattern, name, re.IGNORECASE)), "unknown")


def _title(text: str) -> str:
    return " ".join(text.strip().splitlines()[0].split())[:100]


def _file(package: Distribution) -> str:
    """Return the head of the licence file that came with a package, "" where there is none."""
    named = [path for path in package.files or [] if re.match(r"(LICEN[CS]E|COPYING)", path.name, re.IGNORECASE)]
    for path in named:
        try:
            return path.read_text(encoding="utf-8")[:500]
        except (OSError, UnicodeDecodeError):
            continue
    return ""
