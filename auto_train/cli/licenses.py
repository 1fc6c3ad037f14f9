"""`licenses`: what the code and the weights in use may be used under. Loads torch only to ask timm about weights."""

from pathlib import Path
from typing import Annotated

import typer

from auto_train.cli.options import Debug, Json, OfflineAnyway, Overrides, Task
from auto_train.cli.overrides import OverridesCommand
from auto_train.errors import GateError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OverridesCommand)
def licenses(
    overrides: Overrides = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="INI", help="Also the weights this experiment starts from.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Also the weights this run or bundle was trained from.")] = None,
    task: Task = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the licences of this program, of the packages it uses, and of weights; exit code 5 for GPL and AGPL."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn

    found = actions.licenses(config, overrides or (), model=model, task=task)
    width = max(len(item.name) for item in found)
    for item in found:
        if as_json:
            emit("licence", **vars(item))
        else:
            typer.echo(f"{item.kind:<15}{item.name:<{width}}  {item.licence or '-'}")
    flagged = {kind: [item.name for item in found if item.kind == kind] for kind in ("unknown", "restricted")}
    warn([f"licence {kind}: {', '.join(names)}" for kind, names in flagged.items() if names], as_json=as_json)
    if refused := [item.name for item in found if item.kind == "copyleft"]:
        raise GateError(
            f"under GPL, AGPL or the like: {', '.join(refused)}",
            hint="what is built on them must be given away under the same licence; take others, or do it knowingly",
        )
