"""What validate.py of a recipe does: the answer for one image, and the metrics of a split."""

from pathlib import Path
from typing import Any

import torch

from auto_train.answers import answer_function
from auto_train.common.evaluation import Metrics, evaluate_split
from auto_train.common.task import Task
from auto_train.config import Config
from auto_train.data import decode_image
from auto_train.types import Listener, absolute


def infer_image(model: type[Task], image: Path | str | bytes, config: Config | Path | str | None = None) -> Any:
    """Return the answer for one image (F2.11).

    The model is loaded once per config; ``testing.postprocess``, where the config names one, gets the answer and
    returns what this function does.

    Args:
        model: of the recipe.
        image: a file, or its bytes.
        config: a Config, the path of an INI, or None for the one the environment variable CONFIG names.

    Raises:
        MissingError: nothing was trained yet.
        ImageError: no image we decode.
    """
    config = model.get_config(config)
    inference = _trained(model, config).inference
    pixels = torch.from_numpy(decode_image(image if isinstance(image, bytes) else Path(image).expanduser()))
    with torch.inference_mode():
        values = inference(pixels[None])[0].numpy()
    answer = answer_function(inference.task)(values, inference.described)
    postprocess = "testing.postprocess"
    return config.resolve(postprocess)(answer) if config.has_function(postprocess) else answer


def evaluate_trained(
    model: type[Task],
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


_loaded: dict[tuple[type[Task], Path, int], Task] = {}


def _trained(model: type[Task], config: Config) -> Task:
    """Return the trained model, loaded again only when another training or a hand has replaced its weights."""
    weights = absolute(config.training.scheme.output_path)
    key = model, weights, weights.stat().st_mtime_ns if weights.exists() else 0
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = model(config, inference_only=True)
    return _loaded[key]
