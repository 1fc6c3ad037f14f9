"""INI text into entries that know their line. What a value means is decided in :mod:`auto_train.config.values`."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from auto_train.config.problem import Kind, Origin, Problem

NAME = r"[^\W\d][\w-]*"
SECTION = re.compile(rf"{NAME}(\.{NAME})*")
KEY = re.compile(rf"@?{NAME}")
KEY_LINE = re.compile(rf"@?{NAME}\s*=")
HEADER_LINE = re.compile(rf"\[\s*{NAME}(\.{NAME})*\s*\]\s*([#;].*)?")
OPENING, CLOSING = "[({", "])}"


@dataclass(kw_only=True, slots=True)
class Entry:
    """One ``key = text`` of a file or an override.

    Args:
        text: the value as written, inline comments removed, continued lines joined with a newline.
        comment: the comment lines right above the key, joined with newlines.
        is_broken: whether the value's form is already reported.
        cuts: line and text of each comment behind or between the lines of the value.
    """

    section: str
    key: str
    text: str
    origin: Origin
    comment: str = ""
    is_broken: bool = False
    cuts: list[tuple[int, str]] = field(default_factory=list)

    def problem(self, message: str) -> Problem:
        """Return an error that points at this entry."""
        at = self.origin
        return Problem(message=message, file=at.file, line=at.line, section=self.section, key=self.key)


@dataclass(kw_only=True, slots=True)
class Section:
    """One ``[section]`` header.

    Args:
        comment: the block after it that no key follows.
        note: the comment in the header's own line.
    """

    name: str
    origin: Origin
    comment: str = ""
    note: str = ""


@dataclass(kw_only=True, slots=True)
class Scan:
    """Everything one file says."""

    file: Path
    entries: list[Entry] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def scan_text(text: str, *, file: Path, kind: Kind = "ini") -> Scan:
    """Read INI text into entries.

    Args:
        text: the whole file.
        file: its absolute path, for messages.
        kind: whether it is a recipe's, an inherited or the user's own file.

    Returns:
        The entries in order, each with its line, and all problems of form.
    """
    scanner = _Scanner(file, kind)
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        scanner.read_line(number, line)
    scanner.end_value()
    scanner.end_comment()
    return scanner.scan


class _Scanner:
    """Where the scan stands: the section, the value that may go on, the comment block above."""

    def __init__(self, file: Path, kind: Kind):
        self.scan = Scan(file=file)
        self.kind = kind
        self.section: str | None = ""  # "" before the first header; None after one that cannot be read
        self.first_lines: dict[tuple[str, str], int] = {}
        self.comment: list[str] = []
        self.entry: Entry | None = None  # the value that the next line may continue
        self.indent = 0
        self.depth = 0

    def read_line(self, number: int, line: str) -> None:
        bare = line.strip()
        if bare.startswith(("#", ";")):
            self.comment.append(bare.lstrip("#;").strip())
            if self.entry and self._continues(line, bare.lstrip("#;").strip()):
                self._note_cut(number, bare)
        elif self.entry and self._continues(line, bare):
            self._append(number, bare)
        elif not bare:
            self.end_comment()
            if self.depth == 0:
                self.entry = None
        elif bare.startswith("["):
            self._header(number, bare)
        else:
            self._key(number, line, bare)

    def _continues(self, line: str, bare: str) -> bool:
        if not bare or HEADER_LINE.fullmatch(bare) or KEY_LINE.match(bare):
            return False
        return self.depth > 0 or len(line) - len(line.lstrip()) > self.indent

    def _append(self, number: int, bare: str) -> None:
        if self.entry:
            opened = (self.entry.text or bare)[0] in OPENING
            text, self.depth = _without_comment(bare, self.depth, brackets=opened)
            self.entry.text = f"{self.entry.text}\n{text}".strip()
            self._note_cut(number, bare[len(text) :])
            self.comment.clear()

    def _note_cut(self, number: int, text: str) -> None:
        if self.entry and text.strip():
            self.entry.cuts.append((number, text.strip()))

    def end_value(self) -> None:
        """Report a bracket that is still open: it would have swallowed what follows."""
        if self.entry and self.depth > 0:
            self.entry.is_broken = True
            self.scan.problems.append(self.entry.problem(f"the '{self.entry.text[:1]}' of this value is never closed"))
        self.entry, self.depth = None, 0

    def end_comment(self) -> None:
        """Give a comment block that no key follows to its section."""
        section = self.scan.sections.get(self.section or "")
        if self.comment and section and not section.comment:
            section.comment = "\n".join(self.comment)
        self.comment.clear()

    def _header(self, number: int, bare: str) -> None:
        self.end_value()
        self.end_comment()
        name, closed, rest = bare[1:].partition("]")
        name = name.strip() if closed else _without_comment(name, 0)[0].strip()
        if not closed:
            self._report(number, f"the section header '{bare}' has no closing ']'", name)
        elif rest.strip() and not rest.strip().startswith(("#", ";")):
            self._report(number, f"'{rest.strip()}' stands after the section header; put it on a line of its own", name)
        if not SECTION.fullmatch(name) or name == "DEFAULT":
            if closed:
                self._report(number, f"'[{name}]' is no section name (allowed: names joined by dots, as in [a.b])")
            self.section = None
        elif name in self.scan.sections:
            first = self.scan.sections[name].origin.line
            self._report(number, f"this section is already opened in line {first}; write its keys there", name)
            self.section = name
        else:
            note = rest.strip().lstrip("#;").strip()
            self.scan.sections[name] = Section(name=name, origin=self._origin(number), note=note)
            self.section = name

    def _key(self, number: int, line: str, bare: str) -> None:
        self.end_value()
        comment, self.comment = "\n".join(self.comment), []
        found = re.match(r"([^=:]*?)\s*[=:]\s*(.*)", bare, re.DOTALL)
        if not found:
            self._report(number, f"'{_shorten(bare)}' is no 'key = value', no [section] and no # comment", self.section)
            return
        key, rest = found.groups()
        in_meta = self.section in ("", "META") and key == "$BASE"
        if not (KEY.fullmatch(key) or in_meta):
            self._report(number, f"'{_shorten(key)}' is no key name; {self._key_hint(key)}", self.section)
        elif self.section == "" and not in_meta:
            message = "this key comes before any [section]; write the section's name above it"
            self._report(number, message, "", key)
        elif self.section is not None:
            self._add(number, line, key, rest, comment)

    def _add(self, number: int, line: str, key: str, rest: str, comment: str) -> None:
        section = self.section or "META"
        text, self.depth = _without_comment(rest, 0, brackets=rest[:1] in tuple(OPENING))
        entry = Entry(section=section, key=key, text=text, origin=self._origin(number), comment=comment)
        self.entry, self.indent = entry, len(line) - len(line.lstrip())
        self._note_cut(number, rest[len(text) :])
        first = self.first_lines.setdefault((section, key), number)
        if first != number:
            self._report(number, f"this key is already set in line {first}; keep one of them", section, key)
        else:
            self.scan.entries.append(entry)

    def _key_hint(self, key: str) -> str:
        bare = re.sub(r"\s+", "_", key.strip("\"' "))
        outer, _, last = bare.rpartition(".")
        if KEY.fullmatch(bare):
            return f"did you mean '{bare}'?"
        if SECTION.fullmatch(bare):
            return f"did you mean '{last}' in [{'.'.join(filter(None, [self.section, outer]))}]?"
        return "allowed are letters, digits, _ and -"

    def _origin(self, number: int) -> Origin:
        return Origin(kind=self.kind, file=self.scan.file, line=number)

    def _report(self, number: int, message: str, section: str | None = "", key: str = "") -> None:
        found = Problem(message=message, file=self.scan.file, line=number, section=section or "", key=key)
        self.scan.problems.append(found)


def _without_comment(text: str, depth: int, *, brackets: bool = False) -> tuple[str, int]:
    """Cut an inline comment off and count the brackets that stay open.

    A comment starts at white space followed by # or ; outside quotes. A quote opens only where a word could start, so
    that the apostrophe of ``it's`` is a letter.
    """
    quote, before, skip = "", " ", False
    for at, char in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip = char == "\\" and quote == '"'
            quote = "" if char == quote else quote
        elif char in "\"'" and (before.isspace() or before in "[({,:=") and char in text[at + 1 :]:
            quote = char
        elif char in "#;" and before.isspace():
            return text[:at].rstrip(), max(depth, 0)
        elif brackets:
            depth += (char in OPENING) - (char in CLOSING)
        before = char
    return text.rstrip(), max(depth, 0)


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
