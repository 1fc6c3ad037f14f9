"""Which packages this program stands on, and for what. Read from their metadata: none of them is imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from auto_train.errors import MissingError

OURS = "auto-train"
CORE = "core"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution that is needed.

    Args:
        name: canonical name.
        version: the one installed; none: not installed.
        used_by: ``core``, and the extras that need it.
        wanted: what this program itself asks for and the installed version is not; "": nothing is wrong.
    """

    name: str
    version: str | None
    used_by: tuple[str, ...]
    wanted: str = ""


class InstalledPackages:
    """What is installed here; the metadata of each package is read once."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str | None, list[Requirement]]] = {}

    def version(self, name: str) -> str | None:
        """Return a package's version, None where it is not installed."""
        return self._read(name)[0]

    def needs(self, name: str) -> list[Requirement]:
        """Return what a package asks for, whatever the extra or the machine."""
        return self._read(name)[1]

    def unmet(self, need: Requirement) -> str:
        """Return a requirement as pip takes it where what is installed does not meet it, else ""."""
        found = self.version(need.name)
        is_met = found is not None and need.specifier.contains(found, prereleases=True)
        return "" if is_met else f"{need.name}{need.specifier}"

    def _read(self, name: str) -> tuple[str | None, list[Requirement]]:
        name = canonicalize_name(name)
        if name not in self._found:
            try:
                package = distribution(name)
                self._found[name] = (package.version, [Requirement(text) for text in package.requires or []])
            except PackageNotFoundError:
                self._found[name] = (None, [])
        return self._found[name]


def extras() -> list[str]:
    """Return the names of the extras there are.

    Raises:
        MissingError: this program is not installed as a package.
    """
    try:
        return sorted(metadata(OURS).get_all("Provides-Extra") or [])
    except PackageNotFoundError as error:
        raise MissingError(f"{OURS} is not installed as a package", hint="pip install .") from error


def packages() -> list[Package]:
    """Return every package that the core or an extra needs, directly or not; of extras only what is installed.

    Raises:
        MissingError: this program is not installed as a package.
    """
    installed = InstalledPackages()
    users: dict[str, list[str]] = {}
    wanted: dict[str, str] = {}
    for user in [CORE, *extras()]:
        for need in _list_needed(user, installed):
            name = canonicalize_name(need.name)
            if user != CORE and installed.version(name) is None:
                continue
            if user not in users.setdefault(name, []):
                users[name].append(user)
            if unmet := installed.unmet(need):
                wanted[name] = unmet
    return [
        Package(name=name, version=installed.version(name), used_by=tuple(used_by), wanted=wanted.get(name, ""))
        for name, used_by in sorted(users.items())
    ]


def find_missing(extra: str) -> list[str]:
    """Return what is missing of an extra, as pip takes it."""
    installed = InstalledPackages()
    return [text for need in _direct(OURS, {extra}, installed) if (text := installed.unmet(need))]


def _list_needed(user: str, installed: InstalledPackages) -> Iterator[Requirement]:
    """Yield every requirement below the core or an extra."""
    pending = [(OURS, frozenset([user] if user != CORE else []))]
    seen = set(pending)
    while pending:
        name, chosen = pending.pop()
        for need in _direct(name, chosen, installed):
            below = (canonicalize_name(need.name), frozenset(need.extras))
            if below[0] != OURS:
                yield need
            if below not in seen:
                seen.add(below)
                pending.append(below)


def _direct(name: str, chosen: set[str] | frozenset[str], installed: InstalledPackages) -> list[Requirement]:
    """Return what a package asks for on this machine with these extras; of ours with an extra only what that adds."""
    only_extra = name == OURS and bool(chosen)
    return [need for need in installed.needs(name) if _applies(need, chosen, only_extra=only_extra)]


def _applies(need: Requirement, chosen: set[str] | frozenset[str], *, only_extra: bool) -> bool:
    if need.marker is None:
        return not only_extra
    holds = any(need.marker.evaluate({"extra": extra}) for extra in chosen or {""})
    return holds and not (only_extra and need.marker.evaluate({"extra": ""}))
