"""What `train --dry-run` prints."""

from collections.abc import Sequence
from pathlib import Path

import typer

from auto_train.durations import as_clock
from auto_train.errors import UsageError


def try_out(
    config: Path | None, overrides: Sequence[str], *, task: str | None, offline: bool, as_json: bool, refused: object
) -> None:
    """Run `train --dry-run`.

    Args:
        refused: whether options were given that a dry run has no use for.
    """
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import show_progress

    if refused:
        raise UsageError("--dry-run is of a new training in one process", allowed="no --resume, --detach or --workers")
    with show_progress() as console:
        found = actions.dry_run(config, overrides, task=task, offline=offline, progress=console)
    warn([text for text in found.warnings if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("dry_run", **vars(found))
        return
    for stage in found.stages:
        device = "" if stage.device_mb is None else f"{stage.device_mb:9,.0f} MB on the GPU"
        typer.echo(f"{stage.name:9}{stage.seconds:7.1f} s{stage.peak_mb:9,.0f} MB{device}")
    plan = found.estimate
    epochs = "as many epochs as fit" if plan.epochs is None else f"{plan.epochs} epoch{'s' if plan.epochs != 1 else ''}"
    images = ", ".join(f"{count:,} {split}" for split, count in plan.images.items())
    typer.echo(f"\nthe whole training, about: {images} images")
    first = f"after {as_clock(plan.prepare_s)} to read the data the first time"
    typer.echo(f"time     {as_clock(plan.total_s)}: {epochs} of {as_clock(plan.epoch_s)}, {first}")
    room = f"{plan.run_mb:,.0f} MB for the run, where {plan.free_mb:,.0f} MB are free"
    typer.echo(f"disk     {room}; up to {plan.store_mb:,.0f} MB in the cache")
