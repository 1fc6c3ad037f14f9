"""Which jobs a user means: those of an INI's project, or of all projects below the working directory."""

import os
from pathlib import Path

from auto_train.config import Config, load_config
from auto_train.errors import MissingError, UsageError
from auto_train.jobs.job import Job
from auto_train.jobs.jobs import FILE, Jobs


def find_jobs(config: Config | Path | str | None = None) -> list[Jobs]:
    """Return the jobs of each project.

    Args:
        config: an INI of one; none: the one CONFIG names, else all below ``./projects``.
    """
    if config or os.environ.get("CONFIG"):
        return [Jobs.of(config if isinstance(config, Config) else load_config(config))]
    return [Jobs(path) for path in sorted(Path.cwd().glob(f"projects/*/{FILE}"))]


def find_job(number: int, config: Config | Path | str | None = None) -> tuple[Jobs, Job]:
    """Return the job of a number, and the jobs it is one of; arguments as :func:`find_jobs`.

    Raises:
        MissingError: no project has it.
        UsageError: several have it.
    """
    found = []
    for jobs in find_jobs(config):
        try:
            found.append((jobs, jobs.get(number)))
        except MissingError:
            continue
    if len(found) == 1:
        return found[0]
    if not found:
        raise MissingError(
            f"there is no job {number}",
            where=str(Path.cwd() / "projects"),
            hint="jobs ls shows those there are; for a project elsewhere name its INI: --config=INI",
        )
    projects = ", ".join(job.project for _, job in found)
    raise UsageError(f"{len(found)} projects have a job {number}: {projects}", hint="name an INI: --config=INI")
