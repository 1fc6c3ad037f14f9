"""Number format and memory layout of training, chosen by timing a few real steps on this machine."""

import copy
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from operator import itemgetter

import torch
from torch import nn

from auto_train.errors import UsageError

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

    Raises:
        UsageError: amp is True where this processor would compute wrong gradients with it.
    """
    half = _half_type(images.device)
    types = (half, None) if amp == "auto" else (half if amp else None,)
    if half in types and images.device.type == "cpu" and _strides_over_one_pixel(model, images[:1]):
        if amp != "auto":
            raise UsageError(
                "bfloat16 computes wrong gradients on this processor: a strided convolution sees a single pixel",
                where="[training.scheme] amp",
                allowed="auto or false for this model and image_size",
                hint="double [architecture] image_size, or set amp = auto",
            )
        types = (None,)
    layouts = (True, False) if channels_last == "auto" else (bool(channels_last),)
    candidates = [Precision(amp=kind, channels_last=layout) for kind in types for layout in layouts]
    if len(candidates) == 1:
        return candidates[0]
    return _find_fastest(candidates, model, images[: max(1, TRIAL_PIXELS // images[0, 0].numel())])


@torch.no_grad()
def _strides_over_one_pixel(model: nn.Module, image: torch.Tensor) -> bool:
    """Tell whether a strided convolution gets an input of one pixel.

    There the bfloat16 kernel of torch 2.15 for CPUs leaves the weight gradients of taps that only touch padding
    uninitialised; float32, larger inputs and depthwise convolutions are right.
    """
    found = []

    def look(layer: nn.Conv2d, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found.append(min(inputs[0].shape[-2:]) == 1)

    strided = [
        layer
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and max(layer.stride) > 1 and max(layer.kernel_size) > 1
    ]
    handles = [layer.register_forward_hook(look) for layer in strided]
    was_training = model.training
    model.eval()(image)
    model.train(was_training)
    for handle in handles:
        handle.remove()
    return any(found)


def _find_fastest(candidates: Sequence[Precision], model: nn.Module, images: torch.Tensor) -> Precision:
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
