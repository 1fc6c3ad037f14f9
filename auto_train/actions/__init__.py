"""The verbs: plain values in, dataclasses out. Nothing here prints or exits; the CLI and the API do that."""

from auto_train.actions.config import open_config
from auto_train.actions.data import check_data, convert_data, init_config, preview
from auto_train.actions.installation import doctor, licenses, new_recipe
from auto_train.actions.jobs import follow_job, list_jobs, show_job, stop_job
from auto_train.actions.models import Validation, load, serve, validate
from auto_train.actions.predicting import predict
from auto_train.actions.runs import compare, report
from auto_train.actions.training import detach, dry_run, train

__all__ = [
    "Validation",
    "check_data",
    "compare",
    "convert_data",
    "detach",
    "doctor",
    "dry_run",
    "follow_job",
    "init_config",
    "licenses",
    "list_jobs",
    "load",
    "new_recipe",
    "open_config",
    "predict",
    "preview",
    "report",
    "serve",
    "show_job",
    "stop_job",
    "train",
    "validate",
]
