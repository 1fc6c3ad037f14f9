"""`train`: an INI in, a run folder out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, Offline, Overrides, Task
from auto_train.cli.overrides import OverridesCommand

if TYPE_CHECKING:
    from auto_train.runs.folder import TrainResult

Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN|latest",
        help="Go on with a run: its folder, a checkpoint in it, or the latest of the project. Its own config counts.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Train data-parallel with N processes on this machine; batch_size is divided among them.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Try two batches of every stage, keep nothing, say what it will take.")
]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OverridesCommand)
def train(
    overrides: Overrides = None,
    config: ConfigPath = None,
    resume: Resume = None,
    workers: Workers = 1,
    dry_run: DryRun = False,
    task: Task = None,
    offline: Offline = False,
    detach: Annotated[bool, typer.Option("--detach", help="Train in the background; jobs ls, logs and stop.")] = False,
    job: Annotated[Path | None, typer.Option("--job", hidden=True)] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train the model an INI describes, or go on with a run."""
    if dry_run:
        from auto_train.cli.dry_run import try_out

        try_out(
            config,
            overrides or (),
            task=task,
            offline=offline,
            as_json=as_json,
            refused=resume or detach or workers > 1,
        )
        return
    from auto_train import actions
    from auto_train.cli.output import announce_run, emit, warn
    from auto_train.cli.progress import Console, log_warnings_to, show_progress
    from auto_train.jobs.training import as_job
    from auto_train.training.workers.rank_info import RankInfo

    given: dict[str, Any] = {"resume": resume, "workers": workers, "task": task, "offline": offline}
    if detach:
        from auto_train.cli.jobs import announce

        log_warnings_to(Console().warn)
        announce(actions.detach(config, overrides or (), **given), as_json=as_json)
        return
    run = partial(actions.train, config, overrides or (), **given)
    place = RankInfo.from_environment()
    if place and place.rank > 0:  # the first worker speaks for all
        log_warnings_to(lambda message: None)
        run()
        return
    with show_progress() as console:
        listener = as_job(job, console) if job else console
        result = run(progress=announce_run(listener) if as_json else listener)
    warn([text for text in result.warnings if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("run", **vars(result))
    else:
        _print(result)


def _print(result: "TrainResult") -> None:
    typer.echo(f"run      {result.run}\nmodel    {result.bundle}\nreport   {result.report or '-'}")
    width = max(map(len, result.metrics), default=0)
    for name, value in result.metrics.items():
        typer.echo(f"{name:{width}}  {value:.4f}")
