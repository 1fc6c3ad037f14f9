"""The INIs of the original AutoTrain for boxes and masks, put into today's words (F2.14).

They say ``size`` for image_size. Their ``model_type`` is a model of IceVision's as ``base.model``; beside it
``backbone`` and ``pretrained`` are plain keys of [architecture].
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from auto_train.config.problem import Problem
from auto_train.config.read import Layer
from auto_train.config.scan import Entry
from auto_train.config.values import parse_any, quote

SECTION, BACKBONE = "architecture", "architecture.backbone"
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

# An entry of today, and what is to be said if no other wins over it.
Translated = tuple[Entry, Problem | None]


def in_todays_words(layers: Sequence[Layer], task: str) -> tuple[list[Layer], list[Translated]]:
    """Return the user's layers with today's keys beside what an original INI says of its model.

    What says both in one layer is taken at today's word.

    Returns:
        The layers, and the new entries.
    """
    if task not in MODELS:
        return list(layers), []
    is_older = any(_is(entry, "model_type") for layer in layers for entry in layer.entries)
    found: list[Layer] = []
    translated: list[Translated] = []
    for layer in layers:
        there = {(entry.section, entry.key) for entry in layer.entries}
        pairs = [pair for entry in layer.entries for pair in _translate(entry, task, is_older=is_older)]
        new = [(entry, warning) for entry, warning in pairs if (entry.section, entry.key) not in there]
        kept = [entry for entry in layer.entries if not (is_older and _is(entry, "backbone"))]
        found.append(replace(layer, entries=[*kept, *(entry for entry, _ in new)]))
        translated += new
    return found, translated


def _translate(entry: Entry, task: str, *, is_older: bool) -> Iterator[Translated]:
    if _is(entry, "size"):
        yield replace(entry, key="image_size", text=f"${{{SECTION}.size}}"), None
    elif _is(entry, "pretrained"):
        yield replace(entry, section=BACKBONE, text=f"${{{SECTION}.pretrained}}"), None
    elif is_older and _is(entry, "backbone"):
        yield _backbone(entry)
    elif _is(entry, "model_type"):
        yield _model(entry, task)


def _is(entry: Entry, key: str) -> bool:
    """Tell whether an entry says something under this key of the architecture."""
    return (entry.section, entry.key) == (SECTION, key) and parse_any(entry.text) is not None


def _backbone(entry: Entry) -> Translated:
    name = str(parse_any(entry.text)).removesuffix("_fpn")
    today = replace(entry, section=BACKBONE, key="model", text=SIZES.get(name, name))
    if name not in SIZES:
        return today, None
    message = f"'{name}' is a size of a model that is not here; the backbone is {SIZES[name]}"
    return today, replace(entry.problem(message), level="warning")


def _model(entry: Entry, task: str) -> Translated:
    key, known, instead = MODELS[task]
    name = str(parse_any(entry.text))
    today = replace(entry, key=key, text=known.get(name, instead))
    if name in known:
        return today, None
    message = f"{quote(name)} is not here; what is trained in its place is [{SECTION}] {key} = {instead}"
    if task == "segmentation":
        message += ", which tells classes apart, not the objects of one class"
    message += f" (allowed: {', '.join(known)})"
    return today, replace(entry.problem(message), level="warning")
