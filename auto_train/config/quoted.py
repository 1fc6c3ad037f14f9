"""Texts in double quotes: JSON's, except that a Windows path keeps its backslashes."""

import json
import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
WINDOWS = re.compile(r'"(?:[A-Za-z]:\\|\\\\[^\\"])')
# The escapes that a path of Windows needs, and another path; where another backslash is in it, each stands for itself.
PAIRS = re.compile(r'\\[\\"]')
ESCAPES = re.compile(r'\\(?:[\\"]|u[0-9a-fA-F]{4})')
LETTERS = {"b": "\\u0008", "t": "\\u0009", "n": "\\u000a", "f": "\\u000c", "r": "\\u000d"}
CLOSING = re.compile(r'"(?:[A-Za-z]:\\|\\\\).*\\"', re.DOTALL)


def unquote(text: str, *, is_path: bool = False) -> object:
    r"""Return what a JSON text stands for.

    ``"C:\new"`` is a path with one backslash and no line break; ``"C:\\new"``, as JSON writes it, is the same path.

    Args:
        text: begins with a double quote, or is a list or mapping of such texts.
        is_path: whether every text in it is a path, ``"data\new"`` too.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(keep_backslashes(text, is_path=is_path), strict=False)


def quote_value(value: object) -> str:
    r"""Return JSON that :func:`unquote` reads as this value, as a path too: line breaks are ``\u000a``, not ``\n``."""
    return TOKEN.sub(lambda token: _strip_escapes(token[0]), json.dumps(value, ensure_ascii=False, default=str))


def keep_backslashes(text: str, *, is_path: bool = False) -> str:
    """Return a JSON text whose paths of Windows have each backslash twice, as JSON has it."""
    if "\\" not in text:
        return text
    return TOKEN.sub(lambda token: _escape(token[0], is_path=is_path), text)


def is_unclosed_path(text: str) -> bool:
    """Tell whether the backslash at the end of a Windows path takes the closing quote for itself."""
    return CLOSING.fullmatch(text) is not None and TOKEN.fullmatch(text) is None


def _strip_escapes(token: str) -> str:
    """Return a text without escapes by a letter, and, with other escapes, without what begins a path of Windows."""
    token = re.sub(r"\\(.)", lambda escape: LETTERS.get(escape[1], escape[0]), token)
    if not WINDOWS.match(token) or "\\" not in PAIRS.sub("", token):
        return token
    first = 2 if token[1] == "\\" else 1
    return f'"\\u{ord(token[1]):04x}{token[1 + first :]}'


def _escape(token: str, *, is_path: bool) -> str:
    escapes = PAIRS if WINDOWS.match(token) else ESCAPES if is_path else None
    if escapes is None or "\\" not in escapes.sub("", token):
        return token
    return '"' + token[1:-1].replace("\\", "\\\\") + '"'
