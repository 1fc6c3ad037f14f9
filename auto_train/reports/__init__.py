"""Reports of a run, and of two runs beside each other, made from the files of their folders alone."""

from auto_train.reports.compare import Comparison, compare_runs, write_comparison
from auto_train.reports.report import build_report, write_report

__all__ = ["Comparison", "build_report", "compare_runs", "write_comparison", "write_report"]
