"""`validate`: the answer for one image, or the metrics of a split."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, Offline, Overrides, Task
from auto_train.cli.overrides import OverridesCommand

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OverridesCommand)
def validate(
    overrides: Overrides = None,
    config: ConfigPath = None,
    image: Annotated[Path | None, typer.Option(help="Predict this image. Without it a split is measured.")] = None,
    split: Annotated[Literal["valid", "test"], typer.Option(help="The split to measure.")] = "valid",
    task: Task = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict one image with the trained model, or measure the model on a split."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import show_progress
    from auto_train.types import as_plain

    with show_progress() as console:
        found = actions.validate(
            config, overrides or (), image=image, split=split, task=task, offline=offline, progress=console
        )
    warn([text for text in found.warnings if as_json or text not in console.warned], as_json=as_json)
    if image is not None:
        answer = as_plain(found.answer)
        if not as_json:
            typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        elif isinstance(answer, dict):
            emit("prediction", **{"image": image, **answer})
        else:
            emit("prediction", image=image, answer=answer)
    elif as_json:
        emit("metrics", split=split, metrics=found.metrics)
    else:
        for name, value in found.metrics.items():
            typer.echo(f"{name}  {value:.4f}")
