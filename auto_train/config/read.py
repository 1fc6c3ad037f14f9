"""From a path to checked text to entries: what can go wrong before a single key is looked at."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from auto_train.config.inherit import Inheritance, find_first_existing
from auto_train.config.problem import Kind, Origin, Problem
from auto_train.config.scan import KEY, SECTION, Entry, Scan, scan_text
from auto_train.config.values import dump, parse_any, split_list
from auto_train.errors import AutoTrainError
from auto_train.types import match_disk_spelling, normalise_text

COMMON = Path(__file__).parents[1] / "common" / "config.ini"
PRINTED = bytes(range(32, 256)) + b"\n\r\t\f\b\x1b"


@dataclass(kw_only=True, slots=True)
class Layer:
    """What one file says, or all overrides; ``base`` is its ``[META] base``."""

    scan: Scan
    base: Any = None
    prefix: str = ""
    entries: list[Entry] = field(default_factory=list)


def read_layers(path: Path, kind: Kind) -> tuple[list[Layer], list[Problem]]:
    """Read an INI and all it inherits from.

    Args:
        path: the INI.
        kind: ``ini`` for a user's file, ``default`` for a recipe's.

    Returns:
        The layers, what wins last, and every problem of form.
    """
    root = path.absolute()
    layers: list[Layer] = []
    problems: list[Problem] = []

    def read(file: Path) -> Layer:
        found = read_scan(file, kind if kind == "default" or file == root else "base")
        problems.extend(problem for problem in found.problems if problem not in problems)
        return _layer(found, problems)

    try:
        for prefix, layer in Inheritance(read, _locate_recipe if kind == "default" else _locate).walk(root):
            layers.append(_under(prefix, layer))
    except AutoTrainError as error:
        file = Path(error.where) if error.where else root
        line = _base_line(file, kind)
        problems.append(Problem(message=describe(error), file=file, line=line, section="META", key="base"))
        layers.append(_layer(read_scan(root, kind), []))  # its own mistakes are shown at once with that of its base
    return layers, problems


def read_scan(file: Path, kind: Kind) -> Scan:
    """Scan one file; a file that cannot be read as text gives a scan with that problem alone."""
    message, line = _unreadable(file)
    if message:
        return Scan(file=file, problems=[Problem(message=message, file=file, line=line)])
    stat = file.stat()
    return _scan(file, kind, stat.st_mtime_ns, stat.st_size)


def override_layer(overrides: Sequence[str] | Mapping[str, object]) -> tuple[Layer, list[Problem]]:
    """Turn ``section.key=value`` texts, or a mapping of such keys to values, into a layer."""
    pairs: list[tuple[str, str]] = []
    problems: list[Problem] = []
    if isinstance(overrides, Mapping):
        texts = {key: value if isinstance(value, str) else dump(value) for key, value in overrides.items()}
        pairs = [(normalise_text(str(key)), normalise_text(text)) for key, text in texts.items()]
    else:
        for text in [overrides] if isinstance(overrides, str) else overrides:
            path, found, value = normalise_text(str(text)).partition("=")
            pairs.append((path.strip().removeprefix("--"), value.strip()))
            if not found:
                pairs.pop()
                problems.append(Problem(message="this is no override; write section.key=value", key=str(text)))
    scan = Scan(file=Path())
    for path, value in pairs:
        section, _, key = path.rpartition(".")
        entry = Entry(section=section, key=key, text=value, origin=Origin(kind="override"))
        if not (SECTION.fullmatch(section) and KEY.fullmatch(key)):
            problems.append(entry.problem("this is no section.key, such as training.scheme.epochs"))
        elif any((other.section, other.key) == (section, key) for other in scan.entries):
            problems.append(entry.problem("this override is given twice; keep one of them"))
        else:
            scan.entries.append(entry)
    return Layer(scan=scan, entries=scan.entries), problems


@lru_cache(maxsize=32)
def _scan(file: Path, kind: Kind, mtime_ns: int, size: int) -> Scan:
    """Scan a file once per change of it: every load reads the recipe's defaults."""
    scan = scan_text(normalise_text(file.read_bytes().decode("utf-8-sig")), file=file, kind=kind)
    if not (scan.entries or scan.sections or scan.problems):
        message = "this file is empty: an INI has sections such as [project] and keys such as 'name = mnist'"
        scan.problems.append(Problem(message=message, file=file, line=1))
    return scan


def _unreadable(file: Path) -> tuple[str, int | None]:
    """Return why a path is no text, and the line where that shows."""
    if os.path.isdir(file):  # noqa: PTH112 - Path's own raise for a name the system refuses
        return "this is a directory; name the INI file in it", None
    if not os.path.exists(file):  # noqa: PTH110
        return "this file does not exist", None
    if file.suffix.lower() in (".yaml", ".yml"):
        return "this is a YAML file; an experiment is an INI", None
    try:
        data = file.read_bytes()
    except OSError as error:
        return f"this file cannot be read: {error.strerror}", None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "this file is UTF-16 text; save it as UTF-8", 1
    strange = data.translate(None, PRINTED)
    if strange:
        at = data.index(strange[:1])
        return f"this is a binary file, not text: byte {at} is 0x{data[at]:02x}", data.count(b"\n", 0, at) + 1
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
        return f"byte 0x{data[at]:02x} is not UTF-8 text; save the file as UTF-8", data.count(b"\n", 0, at) + 1
    return "", None


def _layer(scan: Scan, problems: list[Problem]) -> Layer:
    """Take ``[META] base`` out of a scan."""
    layer = Layer(scan=scan, entries=[entry for entry in scan.entries if entry.section != "META"])
    for entry in scan.entries:
        if entry.section != "META":
            continue
        if entry.key not in ("base", "$BASE"):
            problems.append(entry.problem("unknown key; the only one here is 'base'"))
            continue
        try:
            layer.base = _parse_base(entry.text)
        except ValueError as error:
            problems.append(entry.problem(str(error)))
    if "META" in scan.sections and not any(entry.section == "META" for entry in scan.entries):
        at = scan.sections["META"].origin
        message = "this section has no key 'base'; write 'base = FILE.ini', or remove the section"
        problems.append(Problem(message=message, file=at.file, line=at.line, section="META"))
    return layer


def _parse_base(text: str) -> Any:
    value = parse_any(text)
    if isinstance(value, str):
        names = [parse_any(name) for name in split_list(value)]
        value = names[0] if len(names) == 1 else names
    if not value:
        raise ValueError("this names no file; write 'base = FILE.ini'")
    return value


def _under(prefix: str, layer: Layer) -> Layer:
    """Return a layer whose sections stand below a dotted key."""
    if not prefix:
        return layer
    entries = [
        Entry(section=f"{prefix}.{entry.section}", key=entry.key, text=entry.text, origin=entry.origin, cuts=entry.cuts)
        for entry in layer.entries
    ]
    return Layer(scan=layer.scan, base=layer.base, prefix=prefix, entries=entries)


def _locate(name: str, file: Path) -> Path:
    """Find a base relative to the working directory, then to the file that names it; ``.ini`` may be left out."""
    base = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser fails for an unknown ~user
    places = [Path.cwd() / base, file.parent / base]
    return find_first_existing(
        name, [match_disk_spelling(path) for at in places for path in (at, Path(f"{at}.ini"))], file
    )


def _locate_recipe(name: str, file: Path) -> Path:
    return COMMON if name == "common" else _locate(name, file)


def _base_line(file: Path, kind: Kind) -> int | None:
    lines = [entry.origin.line for entry in read_scan(file, kind).entries if entry.section == "META"]
    return lines[0] if lines else None


def describe(error: AutoTrainError) -> str:
    """Return an error's message, what is allowed and its hint as one line."""
    allowed = error.allowed if error.allowed.startswith("did you mean") else f"allowed: {error.allowed}"
    parts = [error.message, allowed if error.allowed else "", error.hint]
    return "; ".join(part for part in parts if part)


def project_type(layers: Sequence[Layer]) -> Entry | None:
    """Return the entry that names the task, if one does."""
    found = [at for layer in layers for at in layer.entries if (at.section, at.key) == ("project", "type")]
    return found[-1] if found else None
