"""The bundle folder that training leaves and everything else uses."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from auto_train.bundle.config_mixin import ConfigMixin
from auto_train.bundle.filelist import sha256_of
from auto_train.bundle.golden import compare_golden

# Of an answer in answers.json; a larger one is a file of its own.
MAX_VALUES = 2000


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        model: the InferenceModel, in evaluation mode.
        labels: class names in the order of its outputs.
        task: name of the recipe.
        folder: where it was loaded from.
        facts: content of facts.json: metrics, evaluation hash, environment, licences.
    """

    model: Any
    labels: list[str]
    task: str
    folder: Path
    facts: dict[str, Any]


def load_bundle(folder: Path | str, *, trust_code: bool = False, check_golden: bool = True) -> Bundle:
    """Load a model and check that it still gives its golden answers.

    Args:
        trust_code: run the Python files the bundle carries.
        check_golden: run the golden images through the model first.

    Raises:
        BundleError: missing, incomplete, altered, not trusted, or answering differently than when it was made.
    """
    folder = Path(folder)
    model: Any = ConfigMixin.from_pretrained(folder, trust_code=trust_code)
    if check_golden:
        compare_golden(folder / "golden", partial(_infer, model), model.difference)
    facts = folder / "facts.json"
    return Bundle(
        model=model,
        labels=model.labels,
        task=model.task,
        folder=folder,
        facts=json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {},
    )


def weights_sha256(folder: Path) -> str:
    """Return the sha256 of a bundle's weights file."""
    return sha256_of(folder / "model" / "weights.safetensors")


def write_golden(model: Any, images: list[Any], folder: Path) -> None:
    """Keep a few images as PNG with the answers the model gives them.

    Args:
        images: (H, W, 3) uint8 each.
    """
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    answers = {}
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
        answer = _infer(model, image[None])[0]
        if answer.size > MAX_VALUES:
            np.save(folder / f"{i}.npy", answer)
        answers[f"{i}.png"] = f"{i}.npy" if answer.size > MAX_VALUES else answer.tolist()
    (folder / "answers.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")


def _infer(model: Any, images: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()
