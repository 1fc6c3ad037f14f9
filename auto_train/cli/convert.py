"""`data convert`: the same data in another format. Loads no torch."""

from pathlib import Path
from typing import Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, Offline, Overrides, Task

To = Annotated[str, typer.Option("--to", metavar="FORMAT", help="coco, csv, masks, voc or yolo.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The new folder.")]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="A folder or a table, in place of the data of an INI.")
]
Copy = Annotated[bool, typer.Option("--copy", help="Copy images; else they are hard links where that is possible.")]


def convert(
    to: To,
    output: Output,
    overrides: Overrides = None,
    config: ConfigPath = None,
    data: Data = None,
    copy: Copy = False,
    task: Task = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the data in another format into a folder of its own; what is there stays as it is."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import show_progress

    with show_progress() as console:
        made = actions.convert_data(
            to, output, config, overrides or (), data=data, copy=copy, task=task, offline=offline, progress=console
        )
    warn([text for text in made.warnings if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("conversion", **vars(made))
        return
    splits = ", ".join(f"{count:,} {split or 'in no split'}" for split, count in made.splits.items())
    typer.echo(f"wrote    {made.folder}, {made.format}: {splits}; {len(made.labels)} classes")
