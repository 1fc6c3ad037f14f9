"""Functions that classification INIs may name. Copy one into a file of yours, change it, and name that file in
``[project] custom_functions``.
"""

from collections.abc import Callable
from typing import Any

from auto_train import registry

# imagenette's folders are WordNet ids; these are the names people use for them.
IMAGENETTE = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


@registry.preprocess_function.register("my_preprocess")
def my_preprocess(image_size: int) -> Callable[[Any], Any]:
    """Resize to a square, as the model would do anyway: the place to crop or recolour instead.

    Args:
        image_size: side, pixels.

    Returns:
        A function from (N, H, W, 3) uint8 tensors to the same. It becomes part of the exported model, so it is torch
        operations only.
    """

    def preprocess(images: Any) -> Any:
        import torch

        from auto_train.data.pixels.resize import resize_images

        return resize_images(images, image_size).to(torch.uint8).permute(0, 2, 3, 1)

    return preprocess


@registry.head.register("custom_head")
def custom_head(head_input_size: int, num_classes: int) -> Any:
    """Two linear layers with dropout on the pooled features.

    Args:
        head_input_size: features of the backbone.
        num_classes: outputs.

    Returns:
        A torch module (N, head_input_size) → (N, num_classes).
    """
    from torch import nn

    hidden = max(num_classes, head_input_size // 2)
    return nn.Sequential(
        nn.Linear(head_input_size, hidden), nn.ReLU(), nn.Dropout(0.25), nn.Linear(hidden, num_classes)
    )


def _read_folders(config: Any) -> Any:
    """Read class folders; a split's folder that the INI names and the archive lacks is looked for by the reader."""
    from pathlib import Path

    from auto_train.data import read_samples

    named = {key: config.training.data[key] for key in ("train_dir", "validation_dir", "test_dir")}
    there = {key: path for key, path in named.items() if path and Path(path).expanduser().is_dir()}
    return read_samples(config.training.dir, "folders", labels=config.project.classes, **there)


@registry.load_function.register("load_imagenette")
def load_imagenette() -> Callable[[Any], Any]:
    """Read imagenette's ``train`` and ``val`` folders.

    Returns:
        A function from the resolved config to Samples.
    """
    return _read_folders


@registry.load_function.register("load_rooftops")
def load_rooftops() -> Callable[[Any], Any]:
    """Read the rooftops' class folders.

    Returns:
        A function from the resolved config to Samples.
    """
    return _read_folders


@registry.postprocess_function.register("convert_imagenette_label_mapping")
def convert_imagenette_label_mapping() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answer with imagenette's names instead of WordNet ids.

    Returns:
        A function from answer to answer.
    """
    return lambda answer: {**answer, "prediction": IMAGENETTE.get(answer["prediction"], answer["prediction"])}


@registry.postprocess_function.register("convert_rooftop_label_mapping")
def convert_rooftop_label_mapping() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answer with readable rooftop names: ``flat_roof`` becomes ``flat roof``.

    Returns:
        A function from answer to answer.
    """
    return lambda answer: {**answer, "prediction": str(answer["prediction"]).replace("_", " ")}
