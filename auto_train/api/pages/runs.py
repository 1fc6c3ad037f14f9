"""The runs of the project: a list, a page for each with curves that follow a training, and its reports."""

import math
import os
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from auto_train.api.pages.charts import draw_charts, sparkline
from auto_train.api.pages.render import HEADERS, PageRoute, is_htmx, page
from auto_train.api.pages.session import require_visitor
from auto_train.api.paths import without_paths
from auto_train.errors import MissingError
from auto_train.runs.listing import Run, find_run_folder, read_run, run_names
from auto_train.runs.read import read_events, read_log
from auto_train.serving.service import Service

RUNS_PER_PAGE = 25
STOP_POLLING = 286  # htmx's own status: take this, and ask no more
REPORTS = {"report.html": "Report", "data_report.html": "Data report"}
# A report brings its own styles and pictures; whatever else is in it gets an origin of its own, and no scripts.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox allow-popups"
LEFT_HINTS = {  # what to do with a run that has ended early
    "interrupted": "It was stopped, and its state saved.",
    "failed": "It ended with an error.",
    "killed": "Its process is gone: killed, or the machine went down. The last checkpoint is whole.",
}

router = APIRouter(
    prefix="/ui/runs", route_class=PageRoute, include_in_schema=False, dependencies=[Depends(require_visitor)]
)


@router.get("")
async def list_runs(request: Request) -> Response:
    """Show the newest runs; the page's script asks again for the part that changes."""
    found = await anyio.to_thread.run_sync(_list_runs, request.app.state.service, request.query_params.get("page", ""))
    if not is_htmx(request):
        return page(request, "runs.html", **found)
    if request.query_params.get("seen") == found["seen"]:
        return Response(status_code=204, headers=HEADERS)
    return page(request, "_runs.html", **found)


@router.get("/{name}")
async def show_run(request: Request, name: str) -> Response:
    """Show one run; the page's script asks again for the part that changes, as long as the training goes on."""
    run = await anyio.to_thread.run_sync(_read, request.app.state.service, name)
    if not is_htmx(request):
        return page(request, "run.html", **_details(run))
    if run.is_running and request.query_params.get("seen") == run.version:
        return Response(status_code=204, headers=HEADERS)
    return page(request, "_run.html", status=200 if run.is_running else STOP_POLLING, **_details(run))


@router.get("/{name}/{report}")
async def show_report(request: Request, name: str, report: str) -> FileResponse:
    """Give a report of a run, shut off from the pages around it."""
    path = find_run_folder(request.app.state.service.location, name) / report
    if report not in REPORTS or not path.is_file() or path.is_symlink():
        raise MissingError(f"this run has no report '{report[:80]}'", hint="it is written as the training ends")
    return FileResponse(path, headers={**HEADERS, "Content-Security-Policy": REPORT_POLICY})


def _read(service: Service, name: str) -> Run:
    return read_run(find_run_folder(service.location, name))


def _list_runs(service: Service, wanted: str) -> dict[str, Any]:
    """Return what the list shows.

    Args:
        wanted: number of the page, from an address: it may be anything.
    """
    names = run_names(service.location)
    num_pages = max(1, math.ceil(len(names) / RUNS_PER_PAGE))
    number = min(max(int(wanted), 1), num_pages) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 8 else 1
    first = (number - 1) * RUNS_PER_PAGE
    runs = [read_run(service.location / "runs" / name) for name in names[first : first + RUNS_PER_PAGE]]
    return {
        "runs": runs,
        "sparkline": sparkline,
        "number": number,
        "num_pages": num_pages,
        "num_runs": len(names),
        "location": service.location.name,
        "seen": f"{len(names)}.{number}.{hash(tuple((run.name, run.version) for run in runs)) & 0xFFFFFFFF:x}",
    }


def _details(run: Run) -> dict[str, Any]:
    events = read_events(run.path)
    ended = events.get(run.status, {})
    return {
        "run": run,
        "charts": draw_charts(run.metrics, run.total_epochs if run.is_running else None),
        "splits": splits if isinstance(splits := events.get("data", {}).get("splits"), dict) else {},
        "error": without_paths(str(ended.get("error") or "")),
        "log": without_paths(read_log(run.path)),
        "hint": LEFT_HINTS.get(run.status, ""),
        "reports": {name: title for name, title in REPORTS.items() if (run.path / name).is_file()},
        "folder": _format_folder(run),
    }


def _format_folder(run: Run) -> str:
    """Return the run's folder as a command needs it where the service was started, or from the project's name on."""
    here = os.getcwd()  # noqa: PTH109 - as text
    is_below = run.path.is_relative_to(here) and here != "/"
    return os.path.relpath(run.path, here if is_below else run.path.parents[2])
