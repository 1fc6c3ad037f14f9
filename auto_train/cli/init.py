"""`init`: a folder in, a commented INI out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.options import Debug, Json, Offline, Task

if TYPE_CHECKING:
    from auto_train.proposal.write import NewConfig

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The folder of the images, or a table of paths and labels.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="NEW.ini", help="Default: the folder's name, here.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the INI if it is there.")]

SHOWN = 10

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def init(
    data: Data,
    output: Output = None,
    task: Task = None,
    force: Force = False,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at data and machine, and write an INI that trains as it is, each line with its reason."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn

    made = actions.init_config(data, output, task=task, force=force, offline=offline)
    warn(made.warnings, as_json=as_json)
    if as_json:
        emit("init", **vars(made))
    else:
        _print(made)


def _print(made: "NewConfig") -> None:
    from auto_train.config.values import dump

    splits = ", ".join(f"{count:,} {split or 'in no split'}" for split, count in made.splits.items())
    labels = ", ".join(made.labels[:SHOWN]) + (", …" if len(made.labels) > SHOWN else "")
    typer.echo(f"data     {made.folder}, {made.format}: {splits}; {made.width} x {made.height} px")
    noun = "columns" if made.target == "values" else "classes"
    typer.echo(f"task     {made.task}\n{noun}  {len(made.labels)}: {labels}")
    typer.echo(f"machine  {made.machine}")
    for note in made.notes:
        typer.echo(f"note     {note}")
    width, before = max(len(choice.key) for choice in made.choices), ""
    for choice in made.choices:
        why = f"  ({choice.why})" if choice.why != before else ""
        typer.echo(f"  {choice.key:{width}}  {dump(choice.value)}{why}")
        before = choice.why
    typer.echo(f"wrote    {made.path}\ntry it   {made.next} --dry-run\ntrain    {made.next}")
