"""The verbs: plain values in, dataclasses out. Nothing here prints or exits; the CLI and the API do that."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.errors import UsageError
from auto_train.types import Listener, absolute

if TYPE_CHECKING:
    from auto_train.common.copy_recipe import NewRecipe
    from auto_train.common.data_check import DataCheck
    from auto_train.common.estimate import DryRun
    from auto_train.common.proposal.init import NewConfig
    from auto_train.config import Config
    from auto_train.jobs import Job
    from auto_train.machine.examine import Examination
    from auto_train.machine.licences import Licence
    from auto_train.reports import Comparison, Reported
    from auto_train.serving.predictor import Predictor
    from auto_train.training.runs.run_folder import TrainResult


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What ``validate`` found: the answer for one image, or the metrics of a split.

    Args:
        answer: of the image, after ``testing.postprocess``; none: a split was measured.
        metrics: by metric name, e.g. ``valid/accuracy``; empty: an image was predicted.
        warnings: what the user should know.
    """

    answer: Any = None
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


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
        from auto_train.common.launched import train_launched

        how = {"resume": resume, "task": task, "offline": offline}
        return train_launched(config, overrides, workers=workers, progress=progress, **how)
    loaded, run = _to_train(config, overrides, resume=resume, task=task)
    if offline:
        from auto_train.common.offline import require_for_training

        require_for_training(loaded)
    result: TrainResult = _recipe(loaded, "train").train_model(loaded, offline=offline, progress=progress, resume=run)
    return result


def _to_train(
    config: "Config | Path | str | None", overrides: Sequence[str], *, resume: Path | str | None, task: str | None
) -> "tuple[Config, Path | None]":
    """Return the config to train with, and the run to go on with, if any."""
    if resume is None:
        return open_config(config, overrides, task=task), None
    from auto_train.common.find_run import find_run, warn_of_edits

    found = find_run(resume, config)
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
    from auto_train.training.workers.place import Place

    if Place.found():
        raise UsageError("one of several workers was told to --detach", hint="leave torchrun or srun out: --workers N")
    loaded, run = _to_train(config, overrides, resume=resume, task=task)
    jobs = Jobs.of(loaded)
    job = jobs.submit(order_of(loaded, overrides, resume=run, workers=workers, offline=offline))
    return jobs.get(job.id)


def list_jobs(config: "Config | Path | str | None" = None, *, last: int = 20) -> "list[Job]":
    """Return background trainings: queued and running ones, then those that have ended; of each the newest first.

    Args:
        config: an INI of the project that is meant; none: the one CONFIG names, else all below ``./projects``.
        last: most of each project.
    """
    from auto_train.jobs import find_jobs

    return [job for jobs in find_jobs(config) for job in jobs.list(last)]


def show_job(number: int, config: "Config | Path | str | None" = None) -> "Job":
    """Return one background training; arguments as :func:`list_jobs`.

    Raises:
        MissingError: there is none of this number. UsageError: several projects have one.
    """
    from auto_train.jobs import find_job

    return find_job(number, config)[1]


def stop_job(number: int, config: "Config | Path | str | None" = None) -> "Job":
    """Take a background training out of the queue, or let it save its state and end; arguments as :func:`show_job`."""
    from auto_train.jobs import find_job

    return find_job(number, config)[0].stop(number)


def follow_job(number: int, config: "Config | Path | str | None" = None, *, is_waiting: bool = True) -> Iterator[str]:
    """Yield what a background training has printed, in parts, until it ends; arguments as :func:`show_job`.

    Args:
        is_waiting: false: end with what there is now.
    """
    from auto_train.jobs import find_job

    return find_job(number, config)[0].follow(number, is_waiting=is_waiting)


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
    from auto_train.common.answers import is_served
    from auto_train.common.estimate import DryRun, estimate
    from auto_train.common.trial import trial
    from auto_train.serving.once import answer_once

    loaded = open_config(config, overrides, task=task)
    with trial(loaded, progress) as running:
        running.begin("prepare")
        recipe = _recipe(loaded, "train")
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


def validate(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    image: Path | str | None = None,
    split: str = "valid",
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> Validation:
    """Predict one image with what the INI trained, or measure it on a split.

    Args:
        config, overrides, task, offline, progress: as in :func:`train`.
        image: file to predict; none: measure.
        split: ``valid`` or ``test``.

    Raises:
        MissingError: nothing was trained yet. ImageError: no image we decode.
    """
    loaded = open_config(config, overrides, task=task)
    if image is None:
        if offline:
            from auto_train.common.offline import require_for_evaluation

            require_for_evaluation(loaded)
        metrics = _recipe(loaded, "validate").evaluate(loaded, split=split, offline=offline, progress=progress)
        return Validation(metrics=metrics, warnings=metrics.warnings)
    from auto_train.serving.predictor import predictor_of

    predictor = predictor_of(loaded)
    return Validation(answer=predictor(image), warnings=predictor.warnings)


def check_data(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    exclude: Path | str | None = None,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "DataCheck":
    """Examine the data of an INI as every training does, and write data_report.html and .json into its project folder.

    Args:
        exclude: file to write, with the images to leave out so that nothing broken and no copy is left.

    Raises:
        DataError: no data that could be examined. MissingError: there is none. UsageError: a file cannot be written.
    """
    from auto_train.common.data_check import check_data

    return check_data(open_config(config, overrides, task=task), exclude, offline=offline, listener=progress)


def load(source: Path | str, overrides: Sequence[str] = (), *, trust_code: bool = False) -> "Predictor":
    """Return a trained model as a function of an image.

    Args:
        source: an INI, a run folder, a bundle folder or an exported .onnx file.
        overrides: of the INI.
        trust_code: run Python code that the bundle brings along; an INI's own functions are always trusted.

    Raises:
        MissingError: nothing there, or nothing trained yet. BundleError: incomplete or altered.
        UsageError: overrides without an INI.
    """
    from auto_train.bundle.find import find_at
    from auto_train.serving.predictor import open_predictor, predictor_of

    if absolute(source).suffix == ".ini":
        return predictor_of(open_config(source, overrides))
    if overrides:
        raise UsageError(
            f"the model at '{source}' takes no overrides: {', '.join(overrides)}", hint="name the INI that trained it"
        )
    return open_predictor(find_at(source), trust_code=trust_code)


def serve(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    model: Path | str | None = None,
    host: str | None = None,
    port: int | None = None,
    task: str | None = None,
    trust_code: bool = False,
    on_ready: Callable[[str, "Predictor"], None] | None = None,
) -> None:
    """Answer predictions over REST until SIGINT or SIGTERM.

    Args:
        config, overrides, task: as in :func:`train`; ``[serve]`` holds address and limits.
        model: a run folder, bundle folder or .onnx file to serve instead of what an INI trained; of an INI, if one is
            given, only ``[serve]`` counts then.
        host, port: instead of those in ``[serve]``; port 0 takes a free one.
        trust_code: run Python code that the bundle brings along.
        on_ready: called with the URL and the model once requests are answered.

    Raises:
        ServingError: the port is in use or not ours to open.
    """
    from auto_train.serving.predictor import open_named, predictor_of
    from auto_train.serving.server import bind, run
    from auto_train.serving.service import Service

    if model is None:
        loaded = open_config(config, overrides, task=task)
        opened = partial(predictor_of, loaded)
    else:
        loaded = _config_beside(config, overrides, task=task)
        opened = partial(open_named, model, loaded, trust_code=trust_code)
    with bind(host or loaded.serve.host, loaded.serve.port if port is None else port) as listener:
        service = Service(loaded, opened, location=_project_around(model))
        predictor = service.load()
        run(service, listener, on_ready=lambda url: on_ready(url, predictor) if on_ready else None)


def report(run: Path | str, config: "Config | Path | str | None" = None) -> "Reported":
    """Make the report of a run again, finished or not, from the files of its folder.

    Args:
        run: its folder, or ``latest`` or the name of one of the project of ``config``.
        config: an INI; none: the one CONFIG names, else the projects below ``./projects``.

    Raises:
        MissingError: there is no such run. DataError: a file of it is damaged.
    """
    from auto_train.common.find_run import find_run
    from auto_train.reports import report_run

    return report_run(find_run(run, config, option="").folder.path)


def compare(
    run_a: Path | str,
    run_b: Path | str,
    config: "Config | Path | str | None" = None,
    *,
    output: Path | str | None = None,
) -> "Comparison":
    """Return what differs between two runs: config, data, metrics, and the images whose answer changed sides.

    Args:
        run_a, run_b, config: as in :func:`report`.
        output: an HTML page to write as well.

    Raises:
        MissingError: no such run, or its predictions are gone. DataError: a file is damaged; runs of different tasks.
    """
    from auto_train.common.find_run import find_run
    from auto_train.reports import compare_runs, write_comparison

    found = compare_runs(*(find_run(run, config, option="").folder.path for run in (run_a, run_b)))
    if output is not None:
        write_comparison(found, absolute(output))
    return found


def doctor(*, offline: bool = False) -> "Examination":
    """Look at this installation: versions, devices, memory, extras, folders, addresses, and what is wrong with them."""
    from auto_train.machine.examine import examine

    return examine(offline=offline)


def licenses(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    model: Path | str | None = None,
    task: str | None = None,
) -> "list[Licence]":
    """Return the licence of this program, of every package it uses, and of the weights an INI or a model started from.

    Raises:
        MissingError: this program is not installed as a package; nothing is at the path of ``model``, a run or bundle.
    """
    from auto_train.common.licences import all_licences

    return all_licences(open_config(config, overrides, task=task) if config or overrides else None, model)


def _config_beside(config: "Config | Path | str | None", overrides: Sequence[str], *, task: str | None) -> "Config":
    """Return the config whose ``[serve]`` counts for a model named by path: the INI's, else the defaults."""
    from auto_train.config import default_config
    from auto_train.config.load import DEFAULT_TASK

    if not (config or os.environ.get("CONFIG")):
        return default_config(task or DEFAULT_TASK, overrides)
    return open_config(config, overrides, task=task)


def _project_around(model: Path | str | None) -> Path | None:
    """Return the project folder whose run a model named by path is, if it is one's."""
    parents = absolute(model).parents if model else ()
    return next((at.parent for at in parents if at.name == "runs"), None)


def init_config(
    data: Path | str,
    output: Path | None = None,
    *,
    task: str | None = None,
    force: bool = False,
    offline: bool = False,
) -> "NewConfig":
    """Look at data and machine, and write an INI that trains as it is.

    Args:
        data: a folder, or a table of labels.
        output: the INI; none: named after the folder, in the working directory.
        task: the recipe; none: classification.
        force: replace an INI that is there.
        offline: touch no network.

    Raises:
        UsageError: the INI is there already, or cannot be written. DataError: no data that can be trained on.
    """
    from auto_train.common.proposal.target import data_choices, target
    from auto_train.config.load import DEFAULT_TASK
    from auto_train.data.facts import facts_of
    from auto_train.data.recognise import recognise
    from auto_train.registry import recipe

    chosen = recipe(task or DEFAULT_TASK)
    name, path = target(data, output, force=force)
    found = recognise(data)
    facts = facts_of(found.samples)
    choices = data_choices(data, found, name=name, task=chosen.name)
    from auto_train.common.proposal.init import write_config  # loads torch, which mistakes above need not wait for

    model = getattr(import_module(f"{chosen.package}.model"), chosen.model_name)
    return write_config(path, found, facts, choices, recipe=model, force=force, offline=offline)


def new_recipe(name: str, source: str | None = None) -> "NewRecipe":
    """Copy a recipe to ``./recipes/<name>``, where INIs of this folder find it by ``project.type``.

    Args:
        name: of the new task, in small letters.
        source: the recipe to begin from; none: classification.

    Raises:
        UsageError: no such recipe, a name that cannot be one, or a recipe or folder that is there already.
    """
    from auto_train.common.copy_recipe import copy_recipe
    from auto_train.config.load import DEFAULT_TASK

    return copy_recipe(name, source or DEFAULT_TASK)


def open_config(
    config: "Config | Path | str | None", overrides: Sequence[str] = (), *, task: str | None = None
) -> "Config":
    """Load an INI and check that its recipe is the one asked for.

    Raises:
        UsageError: an unknown task, or one that contradicts the INI; overrides of a config already loaded.
    """
    from auto_train.config import Config, load_config
    from auto_train.config.load import DEFAULT_TASK
    from auto_train.registry import recipe

    if task is not None:
        recipe(task)  # one that does not exist is said before anything of the INI
    if isinstance(config, Config):
        if overrides:
            raise UsageError("a config already loaded takes no overrides", hint="give them to load_config")
        loaded = config
    else:
        loaded = load_config(config, overrides, default_task=task or DEFAULT_TASK)
    if task in (None, loaded.recipe.name):
        return loaded
    raise UsageError(
        f"--task={task} contradicts project.type = {loaded.recipe.name}",
        where=str(loaded.origin("project.type")),
        hint="leave --task out, or change the INI",
    )


def _recipe(config: "Config", module: str) -> Any:
    """Import one file of the config's recipe; a recipe is found by name, never imported by one above it."""
    return import_module(f"{config.recipe.package}.{module}")
