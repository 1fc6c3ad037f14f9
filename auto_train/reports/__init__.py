"""Reports of a run, made from the files of its folder alone."""

from auto_train.reports.report import write_report

__all__ = ["write_report"]
