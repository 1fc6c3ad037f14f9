"""`new-recipe`: a task of one's own, copied from one that works."""

from typing import Annotated

import typer

from auto_train.cli.options import Debug, Json, OfflineAnyway

Name = Annotated[str, typer.Argument(metavar="NAME", help="The new task: small letters, digits and _.")]
Source = Annotated[str | None, typer.Option("--from", metavar="TASK", help="What to copy. Default: classification.")]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def new_recipe(
    name: Name, source: Source = None, offline: OfflineAnyway = False, as_json: Json = False, debug: Debug = False
) -> None:
    """Copy a recipe to recipes/NAME: a task of your own that works at once, to be changed file by file."""
    from auto_train import actions
    from auto_train.cli.output import emit

    made = actions.new_recipe(name, source)
    if as_json:
        emit("recipe", **vars(made))
        return
    typer.echo(
        f"recipe   {made.folder}, copied from {made.source}\nuse it   type = {made.name} under [project] in an INI"
    )
    for file, what in made.edit.items():
        typer.echo(f"edit     {file}: {what}")
    typer.echo(f"try it   {made.next}")
