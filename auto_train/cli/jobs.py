"""`jobs`: ls, show, logs and stop trainings that `train --detach` and POST /train/ have started. Loads no torch."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, OfflineAnyway, Subverbs
from auto_train.durations import as_clock
from auto_train.types import as_typed

if TYPE_CHECKING:
    from auto_train.jobs import Job

app = typer.Typer(
    cls=Subverbs, rich_markup_mode=None, add_completion=False, help="List, follow and stop background trainings."
)
Number = Annotated[int, typer.Argument(metavar="ID", help="The job's number, as jobs ls shows it.")]


@app.command()
def ls(
    config: ConfigPath = None,
    last: Annotated[int, typer.Option(min=1, help="Most jobs to list of each project.")] = 20,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List jobs: queued and running ones, then those that have ended; of each the newest first.

    Without an INI those of all projects below ./projects.
    """
    from auto_train import actions

    found = actions.list_jobs(config, last=last)
    if as_json:
        for job in found:
            _emit(job)
    elif not found:
        typer.echo("no jobs; train --detach starts one")
    else:
        _print_table(found)


@app.command()
def show(
    number: Number,
    config: ConfigPath = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say all that is known of a job."""
    from auto_train import actions

    job = actions.show_job(number, config)
    if as_json:
        _emit(job)
        return
    facts = {"job": job.id, "state": _state(job), "progress": _progress(job), "command": job.command, "run": job.run}
    times = {"created": job.created_at, "started": job.started_at, "ended": job.ended_at, "process": job.pid}
    metrics = {name: f"{value:.4f}" for name, value in job.metrics.items() if isinstance(value, int | float)}
    known = {name: value for name, value in {**facts, **times, "error": job.error, **metrics}.items() if value}
    width = max(map(len, known))
    for name, value in known.items():
        typer.echo(f"{name:{width}}  {value}")


@app.command()
def logs(
    number: Number,
    config: ConfigPath = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print what a job has printed."""
    from auto_train import actions
    from auto_train.cli.output import emit

    for text in actions.follow_job(number, config, is_waiting=follow):
        if as_json:
            emit("log", job=number, text=text)
        else:
            typer.echo(text, nl=False)


@app.command()
def stop(
    number: Number,
    config: ConfigPath = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Take a job out of the queue, or let it save its state and end; train --resume goes on with its run."""
    from auto_train import actions

    job = actions.stop_job(number, config)
    if as_json:
        _emit(job)
    elif job.is_over:
        typer.echo(f"job {job.id} is {job.state}")
    else:
        typer.echo(f"job {job.id} saves its state and ends; to see when: jobs show {job.id}")


def announce(job: "Job", *, as_json: bool) -> None:
    """Say that a training goes on in the background, and how to follow it."""
    if as_json:
        _emit(job)
        return
    typer.echo(f"job {job.id} {'has started' if job.state == 'running' else f'is {job.state}'}: {job.command}")
    number, project = str(job.id), Path(job.project)
    if os.environ.get("CONFIG") or project.parent != Path.cwd() / "projects":  # where jobs looks by itself
        number += " " + shlex.quote(f"--config={as_typed(project / 'jobs' / number / 'config.ini')}")
    typer.echo(f"  follow it: python main.py jobs logs -f {number}\n  stop it:   python main.py jobs stop {number}")


def _emit(job: "Job") -> None:
    from auto_train.cli.output import emit

    emit("job", **vars(job))


def _print_table(jobs: "list[Job]") -> None:
    """Print a line per job; the command is cut where the terminal ends."""
    projects = {job.project for job in jobs}
    rows = [("id", "state", "progress", "project" if len(projects) > 1 else "", "command")]
    for job in jobs:
        project = job.project.rpartition("/")[2] if len(projects) > 1 else ""
        rows.append((str(job.id), _state(job), _progress(job), project, job.command))
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths) if width]
        typer.echo("  ".join([*cells, row[-1]])[:room])


def _state(job: "Job") -> str:
    return "stopping" if job.stop_requested and job.state == "running" else job.state


def _progress(job: "Job") -> str:
    """Return how far a job is: epochs and the time that is left, or what it does."""
    told = job.progress or {}
    if not told.get("total"):
        return "" if job.is_over else str(told.get("stage", ""))
    done = f"{told['stage']} {told['done']:.4g}/{told['total']:.4g}"
    if job.is_over or not told.get("eta_s"):
        return done

    return f"{done}, {as_clock(told['eta_s'])} left"
