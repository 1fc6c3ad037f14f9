"""Background trainings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.config import Config
    from auto_train.jobs import Job


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
