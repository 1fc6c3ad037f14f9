"""`data`: what is wrong with the data of an INI, and what a network sees of it. Checking loads no torch."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.convert import convert
from auto_train.cli.options import ConfigPath, Debug, Json, Offline, Overrides, Subverbs, Task
from auto_train.cli.output import wants_colour
from auto_train.cli.overrides import OverridesCommand

if TYPE_CHECKING:
    from auto_train.actions.data_check import DataCheck
    from auto_train.data.doctor import Finding

# Of one finding; the page shows more of them, with pictures.
SHOWN_ITEMS = 3
COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}

Exclude = Annotated[
    Path | None,
    typer.Option("--exclude", metavar="FILE", help="Write the images to leave out, for [project.data] exclude."),
]

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The sheet: a .png, .jpg or .webp file.")]
Count = Annotated[int, typer.Option("--count", help="Images on the sheet.")]

app = typer.Typer(
    cls=Subverbs, rich_markup_mode=None, add_completion=False, help="Examine the data before it is trained on."
)


@app.callback()
def data() -> None:
    """Examine the data before it is trained on."""


app.command(cls=OverridesCommand)(convert)


@app.command(cls=OverridesCommand)
def check(
    overrides: Overrides = None,
    config: ConfigPath = None,
    exclude: Exclude = None,
    task: Task = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Look at every image: broken files, copies, splits, classes; exit code 3 where something stops a training."""
    from auto_train import actions
    from auto_train.cli.output import warn
    from auto_train.cli.progress import show_progress
    from auto_train.errors import DataError

    with show_progress() as console:
        found = actions.check_data(
            config, overrides or (), exclude=exclude, task=task, offline=offline, progress=console
        )
    warn([text for text in found.warnings if as_json or text not in console.warned], as_json=as_json)
    (_print_json if as_json else _print)(found)
    if errors := found.examination.errors:
        leave_out = "" if exclude else "; --exclude FILE writes a list of images to leave out"
        raise DataError(
            f"the data cannot be trained on: {', '.join(map(str, errors))}",
            where=str(found.examination.samples.root or ""),
            hint=f"see {found.report}{leave_out}",
        )


@app.command(cls=OverridesCommand)
def preview(
    output: Output,
    overrides: Overrides = None,
    config: ConfigPath = None,
    count: Count = 16,
    task: Task = None,
    offline: Offline = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw training samples as the network gets them: augmented, in its size, with boxes, masks and labels."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import show_progress

    with show_progress() as console:
        made = actions.preview(
            config, overrides or (), output=output, count=count, task=task, offline=offline, progress=console
        )
    warn([text for text in made.warnings if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("preview", **vars(made))
    else:
        typer.echo(f"images   {made.images}, {made.side} x {made.side} pixels\nsheet    {made.path}")


def _print(found: "DataCheck") -> None:
    examination = found.examination
    counts = ", ".join(f"{count:,} {split or 'without a split'}" for split, count in examination.splits.items())
    typer.echo(f"images   {len(examination.samples):,}: {counts}")
    if examination.classes:
        typer.echo(f"classes  {len(examination.classes):,}")
    if "boxes" in examination.seen:
        typer.echo(f"boxes    {examination.seen['boxes']:,}")
    for name, (least, middle, most) in examination.seen.get("columns", {}).items():
        typer.echo(f"column   {name}: {least:g} to {most:g}, median {middle:g}")
    for finding in examination.findings:
        _print_finding(finding)
    for note in examination.notes:
        typer.echo(f"note     {_printable(note)}")
    typer.echo(f"report   {found.report}")
    if found.exclude:
        typer.echo(f"exclude  {found.exclude}: {found.left_out:,} images")


def _print_finding(finding: "Finding") -> None:
    typer.secho(f"{finding.severity:<9}", fg=COLOURS[finding.severity], nl=False, color=wants_colour(sys.stdout))
    typer.echo(f"{finding.code}: {finding}")
    for item in finding.items[:SHOWN_ITEMS]:
        typer.echo(_printable(f"           {'  '.join(filter(None, [item.path, item.message]))}"))
    if finding.count > SHOWN_ITEMS:
        typer.echo(f"           … {finding.count - SHOWN_ITEMS:,} more")
    typer.echo(f"         {finding.advice}")


def _print_json(found: "DataCheck") -> None:
    from auto_train.cli.output import emit
    from auto_train.data.doctor.examine import finding_to_dict

    for finding in found.examination.findings:
        values = finding_to_dict(finding)
        items = [{name: _printable(value) for name, value in item.items()} for item in values.pop("items")]
        emit("finding", **values, items=items)
    facts = {
        name: value for name, value in found.examination.to_dict().items() if name not in ("findings", "schema_version")
    }
    emit("data", **facts, report=found.report, exclude=found.exclude, left_out=found.left_out)


def _printable(value: object) -> object:
    """Return text in which bytes of file names that are no UTF-8 are written as escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
