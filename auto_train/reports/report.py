"""Writes report.html, report.json and junit.xml of a run from the files of its folder alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train.files import write_atomically
from auto_train.reports.collect import collect
from auto_train.reports.junit import write_junit
from auto_train.reports.page import report_page
from auto_train.runs.read import RunFiles
from auto_train.types import as_plain


def write_report(path: Path) -> Path:
    """Write the report of a run, finished or not, into its folder and return the page's path."""
    build_report(path)
    return path / "report.html"


def build_report(path: Path) -> dict[str, Any]:
    """Write the three files and return what report.json holds.

    Raises:
        MissingError: there is no such run. DataError: a file of it is damaged.
    """
    run = RunFiles(path)
    found, splits = collect(run)
    report: dict[str, Any] = as_plain(found)
    # A line for each part: to be read and compared with simple tools, and small where there are many classes.
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in report.items()]
    write_atomically(path / "report.json", ("{\n" + ",\n".join(lines) + "\n}\n").encode(errors="replace"))
    write_junit(report, path / "junit.xml")
    write_atomically(path / "report.html", report_page(report, splits, path).encode())
    return report


@dataclass(frozen=True, kw_only=True)
class RewrittenReport:
    """A report that was made again.

    Attributes:
        run: the run folder.
        status: done, running, interrupted, failed or unknown.
        report, json, junit: the files, in the run folder.
        metrics: of the finished model by name; empty where there is none.
        warnings: what the report lacks, and why.
    """

    run: Path
    status: str
    report: Path
    json: Path
    junit: Path
    metrics: dict[str, float]
    warnings: tuple[str, ...]


def report_run(path: Path) -> RewrittenReport:
    """Write the report of a run as :func:`build_report` does, and return where it is and what it says first."""
    found = build_report(path)
    state = found["run"]
    return RewrittenReport(
        run=path,
        status=state["status"],
        report=path / "report.html",
        json=path / "report.json",
        junit=path / "junit.xml",
        metrics=found["metrics"],
        warnings=tuple(text for text in (state["statement"], found["data"]["warning"], *found["notes"]) if text),
    )
