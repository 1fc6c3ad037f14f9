"""Options that several verbs share, so that they read the same. Every verb takes --json, --offline and --debug."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

ConfigPath = Annotated[
    Path | None, typer.Option("--config", metavar="INI", help="The experiment. Default: the file CONFIG names.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value]…", help="Changes to the INI; --section.key value is understood too."),
]
Task = Annotated[str | None, typer.Option("--task", help="The recipe, where the INI has no project.type.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
Offline = Annotated[bool, typer.Option("--offline", help="Touch no network; say first what is missing.")]
OfflineAnyway = Annotated[bool, typer.Option("--offline", help="Taken as by every verb; this one touches no network.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug.")]
TrustCode = Annotated[bool, typer.Option("--trust-code", help="Run Python code that the bundle brings along.")]


class Subverbs(TyperGroup):
    """A verb with others below it. Its own --help is an option only where it is asked for: app.py says why."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self.add_help_option = not args or args[0].startswith("-")
        return super().parse_args(ctx, args)
