"""What a verb writes: text for people, or with --json one object per line, each as ``cli/lines/<type>.json`` says."""

import json
import os
import select
import sys
from collections.abc import Iterable
from typing import TextIO

import typer

from auto_train.types import Listener, Progress, as_plain

# Grows when a field goes away or changes its meaning; not when one is added.
SCHEMA_VERSION = 1

_lines: TextIO | None = None


def keep_stdout_for_lines() -> None:
    """Let nothing but :func:`emit` write to stdout: what a library or a function of an INI prints goes to stderr."""
    global _lines
    if _lines is None and sys.stdout is sys.__stdout__ and sys.stdout is not None:
        sys.stdout.flush()
        _lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)


def emit(type: str, **fields: object) -> None:
    """Print one JSON object on a line of its own. ASCII: a file name that is no Unicode stays what it is.

    Args:
        type: what the object is, e.g. ``run``, ``prediction``, ``error``; its schema is ``cli/lines/<type>.json``.
        fields: its values, see :func:`auto_train.types.as_plain`.
    """
    stream = _lines or sys.stdout
    stream.write(json.dumps(as_plain({"schema_version": SCHEMA_VERSION, "type": type, **fields}), allow_nan=False))
    stream.write("\n")
    stream.flush()


def announce_run(listener: Listener) -> Listener:
    """Return a listener that hears the same and prints a run's folder, whose files grow, as soon as there is one."""

    def listen(event: Progress) -> None:
        listener(event)
        if event.run:
            emit("started", run=event.run)

    return listen


def warn(warnings: Iterable[str], *, as_json: bool) -> None:
    """Print warnings on stderr, with --json as objects on stdout."""
    for message in warnings:
        if as_json:
            emit("warning", message=message)
        else:
            say(f"warning: {message}", fg="yellow")


def say(text: str, *, fg: str | None = None, bold: bool = False, nl: bool = True) -> None:
    """Print text on stderr, coloured where that is wanted."""
    typer.secho(text, fg=fg, bold=bold, err=True, nl=nl, color=wants_colour(sys.stderr))


def wants_colour(stream: TextIO) -> bool:
    """Tell whether text on a stream may be coloured: NO_COLOR decides, then FORCE_COLOR, then what the stream is.

    Source: https://no-color.org, https://force-color.org.
    """
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def nobody_reads() -> bool:
    """Tell whether the reader of stdout or stderr has gone, as ``| head`` does; what is still to be written is lost."""
    poll = select.poll()
    for descriptor in {1, 2, _lines.fileno() if _lines else 1}:
        poll.register(descriptor, 0)
    gone = [descriptor for descriptor, event in poll.poll(0) if event & select.POLLERR]
    for descriptor in gone:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    return bool(gone)
