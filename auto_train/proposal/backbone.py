"""Which backbone can start from learnt weights here: one whose file is in a mirror, or one that can be fetched."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from auto_train.data import find_weights
from auto_train.data.fetch.mirror import mirror_folders
from auto_train.errors import AutoTrainError
from auto_train.models.backbone import create_timm_model, find_pretrained_name, normalisation

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
# Of a mirror's files the first of these is taken; of those to fetch, only what a machine wants most.
SMALL = (
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "efficientnet_b0",
    "resnet18",
    "mobilenetv2_050",
    "mobilenetv2_035",
)
LARGE = ("resnet50", "resnet34", *SMALL)
# Means and deviations that weights are made for: timm's own entry for the model, else that of TensorFlow's models.
TENSORFLOW = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CHECKED_PX = 96


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Where a backbone starts.

    Attributes:
        model: timm's name of it; "" where no weights are to be had.
        file: name of the file in a mirror; "" for the weights timm names.
        statistics: channel means and deviations the file was made for, where they are not those timm names.
        why: what was found, or what was tried in vain.
    """

    model: str
    file: str = ""
    statistics: tuple[Sequence[float], Sequence[float]] | None = None
    why: str


def choose_starting_weights(wanted: Sequence[str], *, offline: bool = False) -> Weights:
    """Return what a backbone can start from here. What is fetched stays in the cache, where training finds it.

    Args:
        wanted: timm's names of the backbones, the best first.
    """
    tried = []
    for model, path in _in_mirrors(wanted):
        try:
            body = create_timm_model(model, 2, weights=path, image_size=CHECKED_PX)[0]
        except AutoTrainError as error:
            tried.append(error.message)
            continue
        why = f"{path.name} is there, in {path.parent}"
        return Weights(model=model, file=path.name, statistics=_detect_statistics(body, model), why=why)
    try:
        path = find_weights(find_pretrained_name(wanted[0]), offline=offline)
        create_timm_model(wanted[0], 2, weights=path, image_size=CHECKED_PX)
    except AutoTrainError as error:
        tried.append(error.message)
        return Weights(model="", why="; ".join(" ".join(text.split()) for text in tried))
    return Weights(model=wanted[0], why=f"the weights timm names for {wanted[0]} are there")


def _in_mirrors(wanted: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield model and file of the weights in the mirrors' folders and one level below, the most wanted first."""
    files = [
        path
        for folder in mirror_folders()
        for pattern in ("*", "*/*")
        for path in sorted(folder.glob(pattern))
        if path.suffix in SUFFIXES and path.is_file()
    ]
    for model in wanted:
        yield from ((model, path) for path in files if re.match(rf"{model}(?![a-zA-Z0-9])", path.name))


def _detect_statistics(body: nn.Module, model: str) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return TensorFlow's normalisation where the file's first batch norm expects that; a file does not say it."""
    known = normalisation(model)
    norm = next((layer for layer in body.modules() if isinstance(layer, nn.BatchNorm2d)), None)
    if norm is None or known == TENSORFLOW:
        return None
    pixels = _photographs()
    ours, theirs = (_surprise(body, norm, pixels, *statistics) for statistics in (known, TENSORFLOW))
    return TENSORFLOW if theirs < ours else None


def _photographs() -> torch.Tensor:
    """Return photographs, as those that weights have learnt from, (N, 3, S, S) in [0, 1]; the data may be none."""
    from sklearn.datasets import load_sample_images

    photos = [torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255 for photo in load_sample_images().images]
    return torch.cat([nn.functional.interpolate(photo, (CHECKED_PX, CHECKED_PX), mode="area") for photo in photos])


@torch.no_grad()
def _surprise(
    body: nn.Module, norm: nn.BatchNorm2d, pixels: torch.Tensor, mean: Sequence[float], std: Sequence[float]
) -> float:
    """Return how far a batch norm's input is from the variances it has learnt, in mean absolute logarithms."""
    seen: list[torch.Tensor] = []
    handle = norm.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    body.eval()((pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))
    handle.remove()
    assert norm.running_var is not None
    found = seen[0].var(dim=(0, 2, 3))
    return float((found.clamp(min=1e-8).log() - norm.running_var.clamp(min=1e-8).log()).abs().mean())
