"""Reports of a run, and of two runs beside each other, made from the files of their folders alone."""

from auto_train.reports.compare import Comparison, compare_runs, write_comparison
from auto_train.reports.report import RewrittenReport, build_report, report_run, write_report

__all__ = [
    "Comparison",
    "RewrittenReport",
    "build_report",
    "compare_runs",
    "report_run",
    "write_comparison",
    "write_report",
]
