"""`train`: an INI in, a run folder out."""

from typing import Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, Offline, Overrides, Task
from auto_train.cli.overrides import OverridesCommand

Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN|latest",
        help="Go on with a run: its folder, a checkpoint in it, or the latest of the project. Its own config counts.",
    ),
]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OverridesCommand)
def train(
    overrides: Overrides = None,
    config: ConfigPath = None,
    resume: Resume = None,
    task: Task = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train the model an INI describes, or go on with a run."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import shown

    with shown() as console:
        result = actions.train(config, overrides or (), resume=resume, task=task, offline=offline, progress=console)
    warn([text for text in result.warnings if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("run", **vars(result))
        return
    typer.echo(f"run      {result.run}\nmodel    {result.bundle}\nreport   {result.report or '-'}")
    width = max(map(len, result.metrics), default=0)
    for name, value in result.metrics.items():
        typer.echo(f"{name:{width}}  {value:.4f}")
