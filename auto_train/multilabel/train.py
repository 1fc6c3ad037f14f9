"""Training logic of multilabel classification."""

from pathlib import Path

from auto_train.common.run import training_run
from auto_train.config import Config
from auto_train.multilabel.model import MultilabelModel
from auto_train.runs.folder import TrainResult
from auto_train.types import Listener


def train_model(
    config: Config | Path | str | None = None,
    *,
    offline: bool = False,
    progress: Listener | None = None,
    resume: Path | str | None = None,
) -> TrainResult:
    """Train the model of label sets an INI describes (F2.8).

    Args:
        config: a Config, the path of an INI, or None for the one the environment variable CONFIG names.
        offline: touch no network.
        progress: told how far it is.
        resume: a run to go on with instead of a new one: its folder, or a checkpoint in it.

    Raises:
        DataError, MissingError, TrainingError, GateError, Interrupted: see errors.py.
    """
    config = MultilabelModel.get_config(config)
    with training_run(config, progress, resume, offline=offline) as run:
        task = MultilabelModel(config, listener=progress, offline=offline, earlier=run.earlier)
        run.begin(task)
        run.fine_tune(task)
        return run.finish(task)
