"""From samples to batches: the pixel store, and what happens to its pixels on the way to the model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from auto_train.common.reading import told
from auto_train.data import Samples, cache_folder
from auto_train.data.augment import Augmentation
from auto_train.data.checksum import sha256_of
from auto_train.data.loader import Batch, BatchLoader
from auto_train.data.mix import Mix
from auto_train.data.randaugment import RandAugment
from auto_train.data.store import Pixels, open_pixels
from auto_train.types import absolute

if TYPE_CHECKING:
    from auto_train.common.base import Task

# A random crop is cut from images stored this much larger, so that it loses little sharpness.
CROP_MARGIN = 1.25


@dataclass(frozen=True, kw_only=True)
class EvalTransform:
    """Stored pixels as the network takes them: exactly InferenceModel's normalisation."""

    normalise: Callable[[torch.Tensor], torch.Tensor]
    device: torch.device

    def __call__(self, images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
        return self.normalise(images.to(self.device).float()), targets.to(self.device)


@dataclass(frozen=True, kw_only=True)
class TrainTransform:
    """Random views of stored pixels, on the device, normalised; labels mixed where the recipe says so.

    Attributes:
        side: of the views, pixels.
    """

    normalise: Callable[[torch.Tensor], torch.Tensor]
    device: torch.device
    side: int
    augmentation: Augmentation
    randaugment: RandAugment | None = None
    mix: Mix | None = None

    def __call__(self, images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
        images = self.augmentation(images.to(self.device).float() / 255, self.side, generator)
        if self.randaugment:
            images = self.randaugment(images, generator)
        images = self.normalise(images * 255)
        if self.mix:
            images, targets = self.mix(images, targets, generator)
        return images, targets.to(self.device)


def train_loader(
    task: "Task", samples: Samples, *, mix: Mix | None = None, weights: torch.Tensor | None = None
) -> BatchLoader:
    """Return the shuffled, augmented batches of a training split.

    Args:
        mix: mixup and cutmix, for tasks whose targets can be mixed.
        weights: chance of each image to be drawn; None draws each once an epoch.
    """
    scheme, side = task.config.training.scheme, task.config.architecture.image_size
    augmentation = Augmentation(**task.config.training.augment.to_dict())
    stored_side = round(side * CROP_MARGIN) if augmentation.crop < 1 else side
    transform = TrainTransform(
        normalise=task.inference.normalise,
        device=task.device,
        side=side,
        augmentation=augmentation,
        randaugment=RandAugment.parse(scheme.aa) if scheme.aa else None,
        mix=mix,
    )
    return BatchLoader(
        open_split(task, samples, stored_side, is_exact=False),
        task.targets(samples),
        transform,
        batch_size=scheme.batch_size,
        shuffle=True,
        weights=weights,
        seed=task.config.training.seed,
    )


def eval_loader(task: "Task", samples: Samples) -> BatchLoader:
    """Return the batches of a split in the order of its rows, unaugmented."""
    transform = EvalTransform(normalise=task.inference.normalise, device=task.device)
    pixels = open_split(task, samples, task.config.architecture.image_size)
    return BatchLoader(pixels, task.targets(samples), transform, batch_size=2 * task.config.training.scheme.batch_size)


def open_split(task: "Task", samples: Samples, side: int, *, is_exact: bool = True) -> Pixels:
    """Return the pixel store of these samples, built if need be.

    Args:
        side: of the stored images, pixels.
        is_exact: decode as inference does; else faster, from a JPEG's own reduced sizes.
    """
    is_exact = is_exact or task.inference.preprocess is not None
    return open_pixels(
        samples.images if is_exact else samples.images.reduced(side),
        side,
        hashes=samples.table["sha256"].tolist(),
        cache=cache_folder("stores"),
        limit_mb=task.config.training.data.cache_mb,
        preprocess=task.inference.preprocess,
        made_by=json.dumps([is_exact, task.inference.config["preprocess"], _code(task)], sort_keys=True),
        progress=told(task.listener, "pixel store"),
    )


def _code(task: "Task") -> str | None:
    """Return the sha256 of the user's file where its function may have made the pixels: edited, it makes others."""
    file = task.config.project.custom_functions
    return sha256_of(absolute(file)) if file and task.inference.preprocess is not None else None
