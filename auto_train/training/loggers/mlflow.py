"""MLflow: the server of its own MLFLOW_TRACKING_URI; without one, files in <run>/mlflow."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Read while it is imported; reports of use to its makers are for the user to switch on.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow import MlflowClient, get_tracking_uri
from mlflow.entities import Metric, Param, Run
from mlflow.tracking import is_tracking_uri_set

from auto_train.training.loggers.base import Logger, Status

ENDINGS = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
# What servers of every version take: parameters in one request, characters of a value.
MAX_PARAMS = 100
LONGEST_VALUE = 500
LOCAL = ("file:", "sqlite:", "/", ".")  # addresses that need no network


class MLflow:
    next_step = "correct MLFLOW_TRACKING_URI, or unset it to log into the run folder"

    def __init__(self, *, offline: bool = False):
        self.offline = offline

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        is_here = is_tracking_uri_set() and (not self.offline or get_tracking_uri().startswith(LOCAL))
        uri = get_tracking_uri() if is_here else (run / "mlflow").as_uri()
        # A client of its own: the fluent functions would keep one active run per process.
        with _allow_file_store():
            self.client, self.step = MlflowClient(tracking_uri=uri), 0
            record = self._record(os.environ.get("MLFLOW_EXPERIMENT_NAME", name), run.name)
        self.run_id = record.info.run_id
        self._log_params(record, config)
        return uri

    def _record(self, experiment: str, name: str) -> Run:
        """Return the run of this name, running: a new one, or that of a training that goes on."""
        found = self.client.get_experiment_by_name(experiment)
        experiment_id = found.experiment_id if found else self.client.create_experiment(experiment)
        runs = self.client.search_runs([experiment_id], f"attributes.run_name = '{name}'", max_results=1)
        if not runs:
            return self.client.create_run(experiment_id, run_name=name)
        self.client.update_run(runs[0].info.run_id, status="RUNNING")
        return runs[0]

    def _log_params(self, record: Run, config: Mapping[str, object]) -> None:
        values = {re.sub(r"[^\w\-. :/]", "_", key): str(value)[:LONGEST_VALUE] for key, value in config.items()}
        # A parameter cannot change once it is written; a resumed run adds what is new.
        params = [Param(key, value) for key, value in values.items() if key not in record.data.params]
        for first in range(0, len(params), MAX_PARAMS):
            self.client.log_batch(self.run_id, params=params[first : first + MAX_PARAMS])

    def log(self, row: Mapping[str, float], step: int) -> None:
        self.step, now_ms = step, int(time.time() * 1000)
        self.client.log_batch(self.run_id, metrics=[Metric(key, value, now_ms, step) for key, value in row.items()])

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        self.log({f"final/{key}": value for key, value in metrics.items()}, self.step)
        self.client.set_terminated(self.run_id, ENDINGS[status])


@contextmanager
def _allow_file_store() -> Iterator[None]:
    """Let MLflow write plain files: it opens them only when asked to, and its databases need further packages."""
    name = "MLFLOW_ALLOW_FILE_STORE"
    before = os.environ.get(name)
    os.environ.setdefault(name, "true")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


def make(*, offline: bool = False) -> Logger:
    return MLflow(offline=offline)
