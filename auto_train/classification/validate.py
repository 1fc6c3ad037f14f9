"""Validation logic of classification: one image's answer, or a split's metrics."""

from pathlib import Path
from typing import Any

import torch

from auto_train.classification.model import ClassificationModel
from auto_train.common.answers import classification_answer
from auto_train.common.evaluation import Metrics, evaluate_split
from auto_train.config import Config
from auto_train.data import decode_image
from auto_train.types import Listener, absolute


def infer(image: Path | str | bytes, config: Config | Path | str | None = None) -> Any:
    """Return the answer for one image: prediction, confidence "97.31%", probabilities (F2.11).

    The model is loaded once per config; ``testing.postprocess``, where the config names one, gets the answer and
    returns what this function does.

    Args:
        image: a file, or its bytes.
        config: a Config, the path of an INI, or None for the one the environment variable CONFIG names.

    Raises:
        MissingError: nothing was trained yet.
        ImageError: no image we decode.
    """
    config = ClassificationModel.get_config(config)
    task = _trained(config)
    pixels = torch.from_numpy(decode_image(image if isinstance(image, bytes) else Path(image).expanduser()))
    with torch.inference_mode():
        probabilities = task.inference(pixels[None])[0].numpy()
    answer = classification_answer(probabilities, task.labels, task.inference.name)
    postprocess = "testing.postprocess"
    return config.resolve(postprocess)(answer) if config.has_function(postprocess) else answer


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
    task = ClassificationModel(config, inference_only=True, listener=progress, offline=offline)
    task.open_split(split)
    return evaluate_split(task, task.inference, split)


_loaded: dict[tuple[Path, int], ClassificationModel] = {}


def _trained(config: Config) -> ClassificationModel:
    """Return the trained model, loaded again only when another training or a hand has replaced its weights."""
    weights = absolute(config.training.scheme.output_path)
    key = weights, weights.stat().st_mtime_ns if weights.exists() else 0
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = ClassificationModel(config, inference_only=True)
    return _loaded[key]
