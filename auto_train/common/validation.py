"""What validate.py of a recipe does: the answer for one image, and the metrics of a split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from auto_train.common.evaluation import Metrics, evaluate_split
from auto_train.common.task import Task
from auto_train.config import Config
from auto_train.serving.predictor import get_predictor
from auto_train.types import Listener


def infer(image: Path | str | bytes, config: Config | Path | str | None = None) -> Any:
    """Return the answer for one image (F2.11): opens the model, asks it once. For many images see ``auto_train.load``.

    Args:
        image: a file, or its bytes.
        config: a Config, the path of an INI, or None for the one the environment variable CONFIG names.

    Raises:
        MissingError: nothing was trained yet. ImageError: not an image we decode, or too large.
        BundleError: the model's files are altered.
    """
    return get_predictor(Task.get_config(config))(image)


def evaluate_with(model: type[Task]) -> Callable[..., Metrics]:
    """Return the ``evaluate`` function of a recipe's validate.py."""

    def evaluate(
        config: Config | Path | str | None = None,
        *,
        split: str = "valid",
        offline: bool = False,
        progress: Listener | None = None,
    ) -> Metrics:
        """Return the trained model's metrics on a split, as ``<split>/<metric>``: a dict with ``warnings``.

        The split is that of the training: its manifest decides, not today's ``valid_fraction``.

        Raises:
            DataError: the split has no images, or images of classes the model does not know.
        """
        task = model(config, inference_only=True, listener=progress, offline=offline)
        task.open_split(split)
        return evaluate_split(task, task.inference, split)

    return evaluate
