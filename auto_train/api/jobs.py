"""Background trainings of the project that is served: list, look at, stop."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from auto_train.api.access import require_key, require_same_origin
from auto_train.api.errors import responses
from auto_train.errors import JobsError
from auto_train.jobs import Job, Jobs
from auto_train.jobs.jobs import FILE, LISTED
from auto_train.serving.service import Service


class JobList(BaseModel):
    """Jobs that are queued or running, then those that have ended; of each the newest first."""

    jobs: list[Job]


router = APIRouter(
    prefix="/jobs", tags=["jobs"], dependencies=[Depends(require_key)], responses=responses(401, 403, 404, 422, 503)
)


@router.get("/")
def list_jobs(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = LISTED) -> JobList:
    """List the jobs of this service's project, at most `limit` of them."""
    return JobList(jobs=list(_jobs(request).list(limit)))


@router.get("/{number}")
def show_job(number: int, request: Request) -> Job:
    """Tell the state of a job, how far it is, and the metrics of its last epoch."""
    return _jobs(request).get(number)


@router.delete("/{number}", dependencies=[Depends(require_same_origin)])
def stop_job(number: int, request: Request) -> Job:
    """Take a job out of the queue, or let it save its state and end. One that has ended stays as it is."""
    return _jobs(request).stop(number)


@router.get("/{number}/logs", response_class=PlainTextResponse)
def show_logs(number: int, request: Request) -> PlainTextResponse:
    """Return the end of what a job has printed."""
    return PlainTextResponse(_jobs(request).logs(number), headers={"X-Content-Type-Options": "nosniff"})


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
