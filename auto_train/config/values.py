"""Text to typed values and back, by the key's spec. Nothing is ever evaluated."""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from auto_train.config.quoted import is_unclosed_path, keep_backslashes, quote_value, unquote
from auto_train.config.spec import Spec, parse_word
from auto_train.types import normalise_text

TRUE, FALSE, NONE = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null")
SCHEMES = ("http", "https", "file", "s3", "gs", "hf", "ftp")


def cast(text: str, spec: Spec) -> Any:
    """Return the value that a text stands for under a spec.

    Args:
        text: as written in the INI, without comments.
        spec: what the key may hold.

    Raises:
        ValueError: the text is no such value, or it is outside the range; the message says what is allowed.
    """
    text = text.strip()
    if spec.type == "any":
        return parse_any(text)
    if spec.optional and text.lower() in (*NONE, ""):
        return None
    return _CASTS[spec.type](text, spec)


def parse_any(text: str) -> Any:
    """Return JSON where the text is JSON, true, false and none in any case, else the text itself."""
    if text.lower() in (*TRUE[:1], *FALSE[:1], *NONE):
        return parse_word(text)
    if text[:1] == "'" == text[-1:] and len(text) > 1:
        return text[1:-1]
    if not text or (text[0] not in '"[{-' and not text[0].isdigit()):
        return text
    try:
        return json.loads(keep_backslashes(text), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def dump(value: Any) -> str:
    """Return the shortest text that :func:`parse_any` reads as this value."""
    if value is None:
        return "none"
    if isinstance(value, str) and value == value.strip() and "\n" not in value and not _needs_quotes(value):
        return value
    return quote_value(value)


def quote(text: str, *, limit: int = 80) -> str:
    """Return a text in quotes for a message, shortened where it is longer than the limit."""
    return f"'{text}'" if len(text) <= limit else f"'{text[: limit - 3]}…'"


def check_url(text: str) -> str:
    """Return what is wrong with a URL or path, or nothing."""
    scheme, found, rest = text.partition("://")
    if found and scheme.lower() not in SCHEMES:
        return f"{quote(text)} has the unknown scheme {quote(scheme)} (allowed: {', '.join(SCHEMES)})"
    if found and (not rest.strip("/") or re.search(r"\s", text)):
        return f"{quote(text)} is no URL: write it as https://host/path, without blanks"
    if not found and re.match(rf"({'|'.join(SCHEMES)})\b\s*[=:;,/\\]", text, re.IGNORECASE):
        return f"{quote(text)} is no URL: write '://' after the scheme, as in https://host/path"
    return ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _needs_quotes(text: str) -> bool:
    return parse_any(text) != text or not text or re.search(r"(^|\s)[#;]", text) is not None or text[0] in "[({\"'"


def _fail(text: str, what: str, spec: Spec) -> NoReturn:
    found = f"{quote(text)} is {what}" if text else "the value is missing"
    raise ValueError(f"{found} (allowed: {spec.text})")


def _cast_str(text: str, spec: Spec) -> str:
    if text[:1] == '"':
        try:
            value = unquote(text, is_path=spec.type == "path")
        except ValueError:
            if is_unclosed_path(text):
                _fail(text, "not a complete text: leave out the backslash before the closing quote", spec)
            _fail(text, 'no complete text: close the quote and write \\" for a quote inside', spec)
        if isinstance(value, str):
            return value
    if text[:1] == "'" and text.count("'") > 1 and text[-1] == "'":
        return text[1:-1]
    return text


def _cast_path(text: str, spec: Spec) -> str:
    value = _cast_str(text, spec)
    if not value.strip() or "\0" in value or (value == text and "\n" in value):
        _fail(ascii(value)[1:-1], "not a path", spec)
    return value


def _cast_bool(text: str, spec: Spec) -> bool:
    word = _cast_str(text, spec).lower()
    if word not in TRUE + FALSE:
        _fail(text, "neither true nor false", spec)
    return word in TRUE


def _cast_number(text: str, spec: Spec) -> float:
    word = _cast_str(text, spec)
    try:
        number = float(word)
    except ValueError:
        _fail(text, "no number", spec)
    if not math.isfinite(number):
        _fail(text, "no finite number", spec)
    return number


def _cast_float(text: str, spec: Spec) -> float:
    number = _cast_number(text, spec)
    if not spec.accepts(number):
        _fail(text, "out of range", spec)
    return number


def _cast_int(text: str, spec: Spec) -> int:
    number = _cast_number(text, spec)
    if not number.is_integer():
        _fail(text, "no whole number", spec)
    word = _cast_str(text, spec).replace("_", "")
    value = int(word) if re.fullmatch(r"[+-]?\d+", word) else int(number)  # a float would round large ones
    if not spec.accepts(value):
        _fail(text, "out of range", spec)
    return value


def _cast_choice(text: str, spec: Spec) -> Any:
    word = _cast_str(text, spec)
    for choice in spec.choices:
        same = (choice is True and word.lower() in TRUE[:3]) or (choice is False and word.lower() in FALSE[:3])
        if same or (choice is None and word.lower() in NONE) or dump(choice) == word or choice == word:
            return choice
    _fail(text, "not one of them", spec)


def _cast_list(text: str, spec: Spec) -> list[Any]:
    if spec.item is None:
        raise ValueError("a list needs the spec of its items")
    items = [cast(item, spec.item) for item in split_list(text)]
    if spec.unique and (message := find_repeated(items)):
        _fail(text, message, spec)
    return items


def find_repeated(items: Sequence[Any]) -> str:
    """Return what is wrong with a list that holds an item twice, also in two Unicode forms; "" for nothing."""
    first: dict[str, int] = {}
    for at, item in enumerate(items, start=1):
        if (before := first.setdefault(normalise_text(str(item)), at)) != at:
            return f"a list with {quote(str(item))} twice, as items {before} and {at}; remove one of them"
    return ""


def split_list(text: str) -> Sequence[str]:
    """Return the texts of a list's items: ``[a, b,]``, ``(1, 2)``, ``a, b``, one per line, or a single one.

    Raises:
        ValueError: a bracket or a quote is not closed, or closed twice.
    """
    closing = {"[": "]", "(": ")", "{": "}"}
    if text[:1] in ("[", "("):
        if text[-1:] != closing[text[0]]:
            raise ValueError(f"{quote(text)} opens with '{text[0]}' but does not end with '{closing[text[0]]}'")
        text = text[1:-1]
    items, start, open_brackets, inside, skip = [], 0, list[str](), "", False
    for at, char in enumerate(text):
        if skip:
            skip = False
        elif inside:
            skip = char == "\\" and inside == '"'
            inside = "" if char == inside else inside
        elif char in "\"'" and not text[start:at].strip(" \t\n[({,"):
            inside = char
        elif char in closing:
            open_brackets.append(closing[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        elif char in ",\n" and not open_brackets:
            items.append(text[start:at].strip())
            start = at + 1
    if inside or open_brackets:
        raise ValueError(f"{quote(text)} has no closing {quote(inside or open_brackets[-1])}")
    return [item for item in (*items, text[start:].strip()) if item]


_CASTS: dict[str, Callable[[str, Spec], Any]] = {
    "str": _cast_str,
    "path": _cast_path,
    "url": _cast_str,
    "timm": _cast_str,
    "bool": _cast_bool,
    "int": _cast_int,
    "float": _cast_float,
    "choice": _cast_choice,
    "list": _cast_list,
}
