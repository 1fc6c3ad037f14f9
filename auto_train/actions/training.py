"""Train: here, in the background, or two batches of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.actions.config import open_config, recipe_module
from auto_train.errors import UsageError
from auto_train.types import Listener

if TYPE_CHECKING:
    from auto_train.config import Config
    from auto_train.dry_run.estimate import DryRun
    from auto_train.jobs import Job
    from auto_train.runs.folder import TrainResult


def train(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    resume: Path | str | None = None,
    workers: int = 1,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "TrainResult":
    """Train the model an INI describes, or go on with a run.

    Args:
        config: an INI, or a config already loaded; none: the INI that CONFIG names.
        overrides: ``section.key=value`` each.
        resume: a run to go on with: its folder, a checkpoint in it, or ``latest`` of the project of ``config``. Its own
            config counts then, with the overrides.
        workers: processes on this machine that train together, data-parallel. Where torchrun or srun has started this
            process, it is one of theirs; the result of one that is not the first has no metrics.
        task: the recipe, where the INI names none.
        offline: touch no network.
        progress: told how far it is.

    Raises:
        ConfigError: every problem of the INI. DataError, TrainingError, MissingError, Interrupted: see errors.py.
        UsageError: the run is finished, is being trained, or cannot go on with these overrides.
    """
    if workers != 1:
        from auto_train.actions.train_workers import train_launched

        how = {"resume": resume, "task": task, "offline": offline}
        return train_launched(config, overrides, workers=workers, progress=progress, **how)
    loaded, run = _to_train(config, overrides, resume=resume, task=task)
    if offline:
        from auto_train.actions.offline import require_for_training

        require_for_training(loaded)
    result: TrainResult = recipe_module(loaded, "train").train_model(
        loaded, offline=offline, progress=progress, resume=run
    )
    from auto_train.memory import trim

    trim()  # the model is gone now; the caller may go on, and a process that ends reads 100 MB of torch's libraries
    return result


def _to_train(
    config: "Config | Path | str | None", overrides: Sequence[str], *, resume: Path | str | None, task: str | None
) -> "tuple[Config, Path | None]":
    """Return the config to train with, and the run to go on with, if any."""
    if resume is None:
        return open_config(config, overrides, task=task), None
    from auto_train.runs.find import find_run, warn_of_edits

    project = open_config(config, overrides, task=task) if isinstance(config, Path | str) else config
    found = find_run(resume, project)
    loaded = open_config(found.folder.path / "config.ini", overrides, task=task)
    if config:
        warn_of_edits(found, open_config(config, task=task))
    return loaded, found.path


def detach(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    resume: Path | str | None = None,
    workers: int = 1,
    task: str | None = None,
    offline: bool = False,
) -> "Job":
    """Train in the background, as :func:`train` does; return the job at once.

    It trains the config as it is now; ``[training] jobs`` says how many of a project run at a time, the others wait.

    Raises:
        ConfigError: every problem of the INI. MissingError: there is no such run. JobsError: no job can be kept.
        UsageError: a worker of several asks for it; a word cannot be handed to a process.
    """
    from auto_train.jobs import Jobs, order_of
    from auto_train.training.workers.rank_info import RankInfo

    if RankInfo.from_environment():
        raise UsageError("one of several workers was told to --detach", hint="leave torchrun or srun out: --workers N")
    loaded, run = _to_train(config, overrides, resume=resume, task=task)
    jobs = Jobs.of(loaded)
    job = jobs.submit(order_of(loaded, overrides, resume=run, workers=workers, offline=offline))
    return jobs.get(job.id)


def dry_run(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "DryRun":
    """Push two batches through every stage of a training: train, evaluate, export, serve. Nothing of it stays.

    Args:
        config, overrides, task, offline: as in :func:`train`.
        progress: told which stage begins.

    Raises:
        What :func:`train` and :func:`serve` would.
    """
    from auto_train.answers import is_served
    from auto_train.dry_run.estimate import DryRun, estimate
    from auto_train.dry_run.serve import answer_once
    from auto_train.dry_run.trial import trial

    loaded = open_config(config, overrides, task=task)
    with trial(loaded, progress) as running:
        running.begin("prepare")
        recipe = recipe_module(loaded, "train")
        result: TrainResult = recipe.train_model(running.config, offline=offline, progress=running.listener)
        warnings, answer = result.warnings, None
        if is_served(loaded.recipe.name):
            running.begin("serve")
            answer = answer_once(running.config, running.image())
        else:
            warnings += (f"how answers of '{loaded.recipe.name}' read is not known: it trains, but is not served",)
        running.end()
        costs = tuple(running.costs)
        return DryRun(stages=costs, answer=answer, estimate=estimate(running, result.run), warnings=warnings)
