"""Number format and memory layout of training, chosen by timing a few real steps on this machine."""

import copy
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from operator import itemgetter

import torch
from torch import nn

# Pixels of a trial batch (16 images of 224 px), and timed steps per candidate: a few seconds in all on two cores.
TRIAL_PIXELS = 16 * 224 * 224
TRIAL_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How training computes.

    Attributes:
        amp: None for float32, else the autocast type.
        channels_last: NHWC memory layout of images and weights.
        images_per_s: measured speed of the trial, None where nothing was timed.
    """

    amp: torch.dtype | None = None
    channels_last: bool = False
    images_per_s: float | None = None

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        return torch.autocast(device.type, self.amp or torch.bfloat16, enabled=self.amp is not None)

    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def describe(self) -> str:
        """Return it for people: "bfloat16, channels-last"."""
        name = str(self.amp).removeprefix("torch.") if self.amp else "float32"
        return f"{name}, channels-last" if self.channels_last else name


def choose_precision(
    model: nn.Module, images: torch.Tensor, *, amp: bool | str = "auto", channels_last: bool | str = "auto"
) -> Precision:
    """Return the fastest allowed precision; only what says "auto" is tried.

    Args:
        model: left untouched, trials run on a copy.
        images: (N, 3, S, S) float32 on the training device; a real batch.
        amp: True, False or "auto".
        channels_last: True, False or "auto".
    """
    half = _half_type(images.device)
    types = (half, None) if amp == "auto" else (half if amp else None,)
    layouts = (True, False) if channels_last == "auto" else (bool(channels_last),)
    candidates = [Precision(amp=kind, channels_last=layout) for kind in types for layout in layouts]
    if len(candidates) == 1:
        return candidates[0]
    return _fastest(candidates, model, images[: max(1, TRIAL_PIXELS // images[0, 0].numel())])


def _fastest(candidates: Sequence[Precision], model: nn.Module, images: torch.Tensor) -> Precision:
    """Time a warm-up and a few steps of each, taking turns, so that a busy moment of the machine hits all alike."""
    trials = [(copy.deepcopy(model).to(memory_format=p.layout()).train(), p) for p in candidates]
    with torch.random.fork_rng():  # dropout draws numbers
        seconds = [[_step_seconds(p, trial, images) for trial, p in trials] for _ in range(TRIAL_STEPS + 1)][1:]
    best_s, best = min(
        zip((min(column) for column in zip(*seconds, strict=True)), candidates, strict=True), key=itemgetter(0)
    )
    return replace(best, images_per_s=round(len(images) / best_s, 1))


def _half_type(device: torch.device) -> torch.dtype:
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16


def _step_seconds(precision: Precision, model: nn.Module, images: torch.Tensor) -> float:
    images = images.contiguous(memory_format=precision.layout())
    start = time.perf_counter()
    with precision.autocast(images.device):
        outputs = model(images)
    outputs.float().square().mean().backward()
    if images.device.type == "cuda":
        torch.cuda.synchronize(images.device)
    return time.perf_counter() - start
