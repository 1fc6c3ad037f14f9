"""`doctor`: what this installation has, lacks and reaches. Imports torch, last, to see its devices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from auto_train.cli.options import Debug, Json, Offline
from auto_train.errors import MissingError

if TYPE_CHECKING:
    from auto_train.machine.examine import Examination

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(offline: Offline = False, as_json: Json = False, debug: Debug = False) -> None:
    """Say what this installation has, lacks and reaches; exit code 6 where something is missing that it needs."""
    from auto_train import actions
    from auto_train.cli.output import emit, say

    say("doctor  Importing torch to see its devices")
    found = actions.doctor(offline=offline)
    if as_json:
        emit("doctor", **vars(found))
    else:
        for title, text in _lines(found):
            typer.echo(f"{title:<18}{text}")
        for problem in found.problems:
            colour = "red" if problem.level == "error" else "yellow"
            say(f"{problem.level}: {problem.message}\n  {problem.hint}", fg=colour)
    if errors := [problem for problem in found.problems if problem.level == "error"]:
        raise MissingError(f"{len(errors)} of these problems stop verbs: {errors[0].message}", hint=errors[0].hint)


def _lines(found: "Examination") -> Iterator[tuple[str, str]]:
    for name, version in found.versions.items():
        yield name, version or "not installed"
    yield "platform", found.platform
    threads = "" if found.threads is None else f"; torch takes {found.threads}"
    yield "cores", f"{found.cores}{threads}"
    yield "memory", f"{found.memory_free_mb:,} of {found.memory_mb:,} MB free"
    for device in found.devices:
        memory = f", {device.memory_mb:,} MB" if device.memory_mb else ""
        yield "device", f"{device.name}: {device.title}{memory}"
    for at in found.places:
        free = f", {at.free_mb:,} MB free" if at.free_mb is not None else ""
        yield at.what, f"{at.place}{free}{f' ({at.note})' if at.note else ''}"
    for name, command in found.extras.items():
        yield f"extra {name}", command or "installed"
    if not found.problems:
        yield "problems", "none"
