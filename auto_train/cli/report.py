"""`report`: report.html, report.json and junit.xml of a run, made again."""

from typing import Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, OfflineAnyway

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or latest of the project of --config.")
]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def report(
    run: Run, config: ConfigPath = None, offline: OfflineAnyway = False, as_json: Json = False, debug: Debug = False
) -> None:
    """Make the report of a run again from the files of its folder; of an unfinished one what there is."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn

    found = actions.report(run, config)
    warn(found.warnings, as_json=as_json)
    if as_json:
        emit("report", **vars(found))
        return
    typer.echo(f"run      {found.run}\nstatus   {found.status}\nreport   {found.report}")
    width = max(map(len, found.metrics), default=0)
    for name, value in found.metrics.items():
        typer.echo(f"{name:{width}}  {value:.4f}")
