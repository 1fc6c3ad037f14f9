"""What a verb writes on stdout: text for people, or with --json one object per line."""

import json
import sys
from collections.abc import Iterable

import typer

from auto_train.types import as_plain


def emit(type: str, **fields: object) -> None:
    """Print one JSON object on a line of its own.

    Args:
        type: what the object is, e.g. ``run``, ``prediction``, ``error``.
        fields: its values, see :func:`auto_train.types.as_plain`.
    """
    sys.stdout.write(json.dumps(as_plain({"type": type, **fields}), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def warn(warnings: Iterable[str], *, as_json: bool) -> None:
    """Print warnings on stderr, with --json as objects on stdout."""
    for message in warnings:
        if as_json:
            emit("warning", message=message)
        else:
            typer.secho(f"warning: {message}", fg="yellow", err=True)
