"""Which packages this program stands on, and for what. Read from their metadata: none of them is imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version

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


def extras() -> list[str]:
    """Return the names of the extras there are."""
    try:
        return sorted(metadata(OURS).get_all("Provides-Extra") or [])
    except PackageNotFoundError as error:
        raise MissingError(f"{OURS} is not installed as a package", hint="pip install .") from error


def packages() -> list[Package]:
    """Return every package that the core or an extra needs, directly or not; of extras only what is installed.

    Raises:
        MissingError: this program is not installed as a package.
    """
    users: dict[str, list[str]] = {}
    wanted: dict[str, str] = {}
    for user in [CORE, *extras()]:
        for need in _needed_by(user):
            name = canonicalize_name(need.name)
            if user != CORE and _version(name) is None:
                continue
            if user not in users.setdefault(name, []):
                users[name].append(user)
            if unmet := _unmet(need):
                wanted[name] = unmet
    return [
        Package(name=name, version=_version(name), used_by=tuple(used_by), wanted=wanted.get(name, ""))
        for name, used_by in sorted(users.items())
    ]


def lacking(extra: str) -> list[str]:
    """Return what is missing of an extra, as pip takes it."""
    return [text for need in _direct(OURS, {extra}) if (text := _unmet(need))]


def _needed_by(user: str) -> Iterator[Requirement]:
    """Yield every requirement below the core or an extra."""
    pending = [(OURS, frozenset([user] if user != CORE else []))]
    seen = set(pending)
    while pending:
        name, chosen = pending.pop()
        for need in _direct(name, chosen):
            below = (canonicalize_name(need.name), frozenset(need.extras))
            if below[0] != OURS:
                yield need
            if below not in seen:
                seen.add(below)
                pending.append(below)


def _direct(name: str, chosen: set[str] | frozenset[str]) -> list[Requirement]:
    """Return what a package asks for on this machine with these extras; of ours with an extra only what that adds."""
    try:
        needs = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        return []
    only_extra = name == OURS and bool(chosen)
    return [need for need in needs if _applies(need, chosen, only_extra=only_extra)]


def _applies(need: Requirement, chosen: set[str] | frozenset[str], *, only_extra: bool) -> bool:
    if need.marker is None:
        return not only_extra
    holds = any(need.marker.evaluate({"extra": extra}) for extra in chosen or {""})
    return holds and not (only_extra and need.marker.evaluate({"extra": ""}))


def _unmet(need: Requirement) -> str:
    """Return a requirement as pip takes it where what is installed does not meet it, else ""."""
    found = _version(need.name)
    is_met = found is not None and need.specifier.contains(found, prereleases=True)
    return "" if is_met else f"{need.name}{need.specifier}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
