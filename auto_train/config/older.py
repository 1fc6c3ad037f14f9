"""The INIs of the original AutoTrain for boxes and masks, put into today's words (F2.14).

They say ``size`` for image_size. Their ``model_type`` is a model of IceVision's as ``base.model``; beside it
``backbone`` and ``pretrained`` are plain keys of [architecture].
"""

from collections.abc import Iterator
from dataclasses import replace

from auto_train.config.problem import Problem
from auto_train.config.read import Layer
from auto_train.config.scan import Entry
from auto_train.config.values import parse_any

SECTION = "architecture"
# Of each task: the key of today, the models that are here under today's names, and what stands for all others.
MODELS = {
    "object_detection": (
        "detector",
        {f"torchvision.{name}": name for name in ("fcos", "retinanet", "faster_rcnn")},
        "fcos",
    ),
    "segmentation": ("decoder", {"unet": "unet", "fpn": "fpn"}, "unet"),
}
# Where a model has no backbone but a size: timm's of about that speed.
SIZES = {
    "nano": "mobilenetv3_small_100",
    "small": "mobilenetv3_large_100",
    "medium": "resnet34",
    "large": "resnet50",
    "extra_large": "resnet101",
}


def in_todays_words(layers: list[Layer], task: str) -> tuple[list[Layer], list[Problem]]:
    """Return the user's layers with what an original INI says of its model as today's keys, and warnings."""
    if task not in MODELS:
        return layers, []
    has_model = any((at.section, at.key) == (SECTION, "model_type") for layer in layers for at in layer.entries)
    warnings: list[Problem] = []
    return [
        replace(layer, entries=list(_translated(layer, task, warnings, has_model=has_model))) for layer in layers
    ], warnings


def _translated(layer: Layer, task: str, warnings: list[Problem], *, has_model: bool) -> Iterator[Entry]:
    has_image_size = any((entry.section, entry.key) == (SECTION, "image_size") for entry in layer.entries)
    for entry in layer.entries:
        if entry.section == SECTION and entry.key == "size":
            yield entry
            if not has_image_size and parse_any(entry.text) is not None:
                yield replace(entry, key="image_size", text="${architecture.size}")
        elif entry.section != SECTION or not has_model:
            yield entry
        elif entry.key == "pretrained":
            yield replace(entry, section=f"{SECTION}.backbone")
        elif entry.key == "backbone":
            yield replace(entry, section=f"{SECTION}.backbone", key="model", text=_backbone(entry, warnings))
        elif entry.key == "model_type":
            key, _, _ = MODELS[task]
            yield replace(entry, key=key, text=_model(entry, task, warnings))
        else:
            yield entry


def _backbone(entry: Entry, warnings: list[Problem]) -> str:
    name = str(parse_any(entry.text)).removesuffix("_fpn")
    if name not in SIZES:
        return name
    warnings.append(_warning(entry, f"'{name}' is a size of a model that is not here; the backbone is {SIZES[name]}"))
    return SIZES[name]


def _model(entry: Entry, task: str, warnings: list[Problem]) -> str:
    key, known, instead = MODELS[task]
    name = str(parse_any(entry.text))
    if name in known:
        return known[name]
    message = f"'{name}' is not here; what is trained in its place is [{SECTION}] {key} = {instead}"
    if task == "segmentation":
        message += ", which tells classes apart, not the objects of one class"
    warnings.append(_warning(entry, f"{message} (allowed: {', '.join(known)})"))
    return instead


def _warning(entry: Entry, message: str) -> Problem:
    return replace(entry.problem(message), level="warning")
