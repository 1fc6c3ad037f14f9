"""Background work: one SQLite table per project, one process per job and a small one that watches it (docs/jobs.md)."""

from auto_train.jobs.find import find_job, find_jobs
from auto_train.jobs.job import Job, Order, order_of
from auto_train.jobs.jobs import Jobs

__all__ = ["Job", "Jobs", "Order", "find_job", "find_jobs", "order_of"]
