"""Texts for people elsewhere: without the paths of this machine, of which only the last part is kept."""

import os
import re
from pathlib import PurePosixPath
from typing import Any

_NAME = r"[^\s/'\"`:;,()<>|=?*\\]+"
# Two parts at least: "/docs" is an address of the service. What follows a method, a word or a scheme is one too.
_PATH = re.compile(
    rf"(?:file://|(?<![\w/:.~)\]}}])(?<!GET )(?<!POST )(?<!DELETE ))/{_NAME}(?:/{_NAME})+/?|'(?:/[^/'\n]+){{2,}}/?'"
)
_WHERE = re.compile(r"(/.*?)((?::\d+)?(?: \[.*)?)", re.DOTALL)


def without_paths(text: str) -> str:
    """Return a text in which each absolute path is its last part, or what a command needs where the service runs."""
    here, home = os.getcwd(), os.path.expanduser("~")  # noqa: PTH109, PTH111 - as text
    if here != "/":
        text = text.replace(f"{here}/", "")
    if home not in ("/", "~"):
        text = text.replace(f"{home}/", "/home/")  # its name may have spaces, which end a path in a text
    return _PATH.sub(_keep_last_part, text)


def place_name(where: str) -> str:
    """Return where something is, as ``file:line [section]``: of a path only its last part."""
    if found := _WHERE.fullmatch(where):
        return PurePosixPath(found[1]).name + found[2]
    return without_paths(where)


def without_paths_in(value: Any) -> Any:
    """Return plain values, in whose texts there are no paths; see :func:`without_paths`."""
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {name: without_paths_in(item) for name, item in value.items()}
    return [without_paths_in(item) for item in value] if isinstance(value, list) else value


def _keep_last_part(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith("'"):
        return f"'{PurePosixPath(text[1:-1]).name}'"
    return PurePosixPath(text.removeprefix("file://")).name
