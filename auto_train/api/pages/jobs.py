"""Trainings in the background: start one, follow it, stop it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from auto_train.api.errors import as_body
from auto_train.api.jobs import hide_paths, jobs_of, number_in
from auto_train.api.pages.render import HEADERS, PageRoute, is_htmx, page, root_of
from auto_train.api.pages.session import read_fields, require_visitor
from auto_train.api.paths import without_paths
from auto_train.api.train import start_training
from auto_train.config.values import parse_any
from auto_train.errors import AutoTrainError, MissingError, RequestError
from auto_train.jobs import Job
from auto_train.runs.listing import number
from auto_train.serving.service import Service

LISTED = 50
LOG_BYTES = 20_000

router = APIRouter(
    prefix="/ui/jobs", route_class=PageRoute, include_in_schema=False, dependencies=[Depends(require_visitor)]
)


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A job, ready for the page.

    Attributes:
        state: of the job; ``stopping`` where it was asked to stop.
        done, total: epochs, or whatever its stage counts; None: not known.
        run: name of its run, where that is one of the project that is served.
    """

    job: Job
    state: str
    created: datetime
    stage: str
    done: float | None
    total: float | None
    eta_s: float | None
    run: str


@router.get("")
async def list_jobs(request: Request) -> Response:
    """Show the jobs, and the form that starts one; the page's script asks again for the part that changes."""
    if not is_htmx(request):
        return await _list_page(request)
    found = await anyio.to_thread.run_sync(_list_jobs, request.app.state.service)
    if request.query_params.get("seen") == found["seen"]:
        return Response(status_code=204, headers=HEADERS)
    return page(request, "_jobs.html", **found)


@router.post("")
async def start(request: Request) -> Response:
    """Start a training, or show the form again with what is wrong."""
    text = (await read_fields(request)).get("overrides", "")
    try:
        await anyio.to_thread.run_sync(start_training, request.app.state.service, overrides_in(text))
    except AutoTrainError as error:
        return await _list_page(request, status=error.http_status, error=as_body(error), overrides=text)
    return RedirectResponse(f"{root_of(request)}/ui/jobs", 303, headers=HEADERS)


@router.get("/{number}")
async def show_job(request: Request, number: str) -> Response:
    """Show one job with the end of what it has printed."""
    service: Service = request.app.state.service
    jobs = jobs_of(service)
    job = await anyio.to_thread.run_sync(jobs.get, _number(number))
    log = without_paths(await anyio.to_thread.run_sync(jobs.logs, job.id, LOG_BYTES))
    return page(request, "_job.html" if is_htmx(request) else "job.html", one=_view_job(job, service.location), log=log)


@router.post("/{number}/stop")
async def stop(request: Request, number: str) -> Response:
    """Ask a job to save its state and end."""
    await anyio.to_thread.run_sync(jobs_of(request.app.state.service).stop, _number(number))
    return RedirectResponse(f"{root_of(request)}/ui/jobs", 303, headers=HEADERS)


async def _list_page(request: Request, *, status: int = 200, error: Any = None, overrides: str = "") -> Response:
    service: Service = request.app.state.service
    found = await anyio.to_thread.run_sync(_list_jobs, service)
    config = service.config.path.name if service.config.path else ""
    return page(request, "jobs.html", status=status, error=error, overrides=overrides, config=config, **found)


def _list_jobs(service: Service) -> dict[str, Any]:
    jobs = [_view_job(job, service.location) for job in jobs_of(service).list(LISTED)]
    return {"jobs": jobs, "seen": f"{hash(tuple(map(str, jobs))) & 0xFFFFFFFF:x}"}


def _view_job(job: Job, location: Path) -> JobView:
    progress = job.progress if job.progress and not job.is_over else {}
    run = Path(job.run) if job.run else None
    return JobView(
        job=hide_paths(job),
        state="stopping" if job.stop_requested and not job.is_over else job.state,
        created=datetime.fromisoformat(job.created_at),
        stage=str(progress.get("stage") or ""),
        done=number(progress.get("done")),
        total=number(progress.get("total")),
        eta_s=number(progress.get("eta_s")),
        run=run.name if run and run.parent.resolve() == (location / "runs").resolve() and run.is_dir() else "",
    )


def _number(text: str) -> int:
    if not text.isdecimal():
        raise MissingError(f"there is no job '{text[:20]}'", hint="the page Jobs lists those there are")
    return number_in(text)


def overrides_in(text: str) -> dict[str, Any]:
    """Return the values of ``key=value`` lines by key.

    Raises:
        RequestError: 422, a line is none.
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, is_pair, value = line.partition("=")
        if not is_pair or "." not in key:
            raise RequestError(
                f"'{line[:80]}' changes no key",
                status=422,
                type="bad_field",
                hint="write section.key=value on each line",
            )
        found[key.strip()] = parse_any(value.strip())
    return found
