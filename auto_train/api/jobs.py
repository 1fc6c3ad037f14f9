"""Background trainings of the project that is served: list, look at, stop."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from auto_train.api.access import require_key, require_same_origin
from auto_train.api.errors import responses
from auto_train.api.paths import without_paths, without_paths_in
from auto_train.errors import JobsError, RequestError
from auto_train.jobs import Job, Jobs
from auto_train.jobs.jobs import FILE, LISTED
from auto_train.serving.service import Service

HINT = "GET /jobs/ lists those there are"
MAX_DIGITS = 30  # the largest number of SQLite has 19


class JobList(BaseModel):
    """Jobs that are queued or running, then those that have ended; of each the newest first."""

    jobs: list[Job]


router = APIRouter(
    prefix="/jobs",
    tags=["jobs"],
    dependencies=[Depends(require_key)],
    responses=responses(401, 403, 404, 421, 422, 503),
)


@router.get("/")
def list_jobs(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = LISTED) -> JobList:
    """List the jobs of this service's project, at most `limit` of them."""
    return JobList(jobs=[hide_paths(job) for job in _jobs(request).list(limit)])


@router.get("/{number}")
def show_job(number: str, request: Request) -> Job:
    """Tell the state of a job, how far it is, and the metrics of its last epoch."""
    return hide_paths(_jobs(request).get(number_in(number)))


@router.delete("/{number}", dependencies=[Depends(require_same_origin)])
def stop_job(number: str, request: Request) -> Job:
    """Take a job out of the queue, or let it save its state and end. One that has ended stays as it is."""
    return hide_paths(_jobs(request).stop(number_in(number)))


@router.get("/{number}/logs", response_class=PlainTextResponse)
def show_logs(number: str, request: Request) -> PlainTextResponse:
    """Return the end of what a job has printed; of paths only the last part."""
    text = without_paths(_jobs(request).logs(number_in(number)))
    return PlainTextResponse(text, headers={"X-Content-Type-Options": "nosniff"})


def number_in(text: str) -> int:
    """Return the number of a job in an address, in which anything may stand.

    Raises:
        RequestError: 422, it is not a whole number; 404, it has more digits than the number of any job.
    """
    if not re.fullmatch(r"-?[0-9]+", text):
        raise RequestError(f"'{text[:80]}' is not the number of a job", status=422, type="bad_field", hint=HINT)
    if len(text) > MAX_DIGITS:
        raise RequestError(f"there is no job {text[:20]}…", status=404, type="not_found", hint=HINT)
    return int(text)


def hide_paths(job: Job) -> Job:
    """Return a job as clients see it: project and run by their names, and no paths of this machine in its texts."""
    progress = without_paths_in(job.progress)
    return replace(
        job,
        project=Path(job.project).name,
        run=Path(job.run).name if job.run else None,
        command=without_paths(job.command),
        error=without_paths(job.error),
        progress=progress | {"run": Path(progress["run"]).name} if progress and progress.get("run") else progress,
    )


def settle(service: Service) -> None:
    """Go on with a queue that stood still while no service ran; what is wrong with it is only logged."""
    try:
        jobs_of(service).settle()
    except JobsError as error:
        from loguru import logger

        logger.warning("{}", error)


def jobs_of(service: Service) -> Jobs:
    """Return the jobs of the project a service trains, or of which it serves a run."""
    return Jobs.of(service.config) if service.config.path else Jobs(service.location / FILE)


def _jobs(request: Request) -> Jobs:
    return jobs_of(request.app.state.service)
