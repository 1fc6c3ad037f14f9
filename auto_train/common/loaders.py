"""From samples to batches: the pixel store, and what happens to its pixels on the way to the model."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch

from auto_train.config import Config
from auto_train.data import Samples, cache_folder
from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.mix import Mix
from auto_train.data.augment.randaugment import RandAugment
from auto_train.data.augment.views import Views
from auto_train.data.checksum import hash_file
from auto_train.data.pixels.loader import Batch, BatchLoader
from auto_train.data.pixels.store import Pixels, open_pixels
from auto_train.errors import TaskContractError, UsageError
from auto_train.types import Listener, to_absolute

if TYPE_CHECKING:
    from auto_train.models.inference import InferenceModel


class WithImages(Protocol):
    """What loaders need of a task."""

    config: Config
    listener: Listener | None
    move: ClassVar[Any]
    has_grey_edges: ClassVar[bool]

    @property
    def inference(self) -> "InferenceModel": ...

    def targets(self, samples: Samples) -> Any:
        """Return the targets of these rows."""


# Moves the targets of a batch as views moved its images: from (B, …) to the same.
Move = Callable[[torch.Tensor, Views], torch.Tensor]

# A random crop is cut from images stored this much larger, so that it loses little sharpness.
CROP_MARGIN = 1.25
# Views that one core computes at a time: with what is made of them on the way they stay in its cache, and the memory
# is used again for the next. At 224 px that is three times as fast as a whole batch at once.
CACHE_BYTES = 3 * 2**20


@dataclass(frozen=True, kw_only=True)
class EvalTransform:
    """Stored pixels as the network takes them: exactly InferenceModel's normalisation.

    Attributes:
        mean, std: (1, 3, 1, 1), of pixels from 0 to 255, on the device.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __call__(self, images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
        device = self.mean.device
        return normalise(images.to(device).float(), self.mean, self.std), targets.to(device)


@dataclass(frozen=True, kw_only=True)
class TrainTransform:
    """Random views of stored pixels, on the device, normalised; targets moved along or mixed where the recipe says so.

    Attributes:
        mean, std: (1, 3, 1, 1), of pixels from 0 to 255, on the device.
        side: of the views, pixels.
        has_grey_edges: as of Views.
    """

    mean: torch.Tensor
    std: torch.Tensor
    side: int
    augmentation: Augmentation
    has_grey_edges: bool = False
    randaugment: RandAugment | None = None
    mix: Mix | None = None
    move: Move | None = None

    def __call__(self, images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
        images, targets = images.to(self.mean.device), targets.to(self.mean.device)
        drawn = self.augmentation.draw(len(images), images.shape[2], self.side, generator)
        views = replace(drawn, has_grey_edges=self.has_grey_edges)
        images = self._views(images, views, generator)
        targets = self.move(targets, views) if self.move else targets
        return self.mix(images, targets, generator) if self.mix else (images, targets)

    def _views(self, images: torch.Tensor, views: Views, generator: torch.Generator) -> torch.Tensor:
        """Draw for the whole batch, then compute some images after another."""
        n, channels, _, _ = images.shape
        draws: list[Callable[..., torch.Tensor]] = [views]
        if self.randaugment:
            draws.append(self.randaugment.draw(n, generator))
        mean, std = self.mean / 255, self.std / 255

        def compute(rows: slice) -> torch.Tensor:
            made = images[rows]
            for draw in draws:
                made = draw(made, rows)
            return normalise(made, mean, std)

        at_once = CACHE_BYTES * torch.get_num_threads() // (4 * channels * self.side**2)
        return compute(slice(None)) if images.is_cuda else _in_parts(compute, n, max(at_once, 1))


def _in_parts(compute: Callable[[slice], torch.Tensor], n: int, size: int) -> torch.Tensor:
    """Return compute() of all n rows, in the memory layout that it gives, computed in parts of this size."""
    first = compute(slice(size))
    if n <= size:
        return first
    is_last = first.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if is_last else torch.contiguous_format
    whole = torch.empty((n, *first.shape[1:]), dtype=first.dtype, memory_format=layout)
    whole[:size] = first
    for start in range(size, n, size):
        rows = slice(start, start + size)
        whole[rows] = compute(rows)
    return whole


def normalise(images: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return (images - mean) / std as (N, 3, S, S); float32 images (N, 3 or 1, S, S), which may be overwritten."""
    n, channels, side, _ = images.shape
    if channels != 3 or not images.is_contiguous(memory_format=torch.channels_last):
        return (images - mean).div_(std)
    # In whole rows: with the three channels innermost, constants of three values are ten times slower to apply.
    rows = images.permute(0, 2, 3, 1).reshape(n * side, side * 3)
    rows.sub_(mean.flatten().repeat(side)).div_(std.flatten().repeat(side))
    return images


def train_loader(
    task: WithImages, samples: Samples, *, mix: Mix | None = None, weights: torch.Tensor | None = None
) -> BatchLoader:
    """Return the shuffled, augmented batches of a training split.

    Args:
        mix: mixup and cutmix, for tasks whose targets can be mixed.
        weights: chance of each image to be drawn; None draws each once an epoch.
    """
    scheme, side = task.config.training.scheme, task.config.architecture.image_size
    check_targets_follow(task)
    augmentation = Augmentation(**augment_settings(task.config))
    transform = TrainTransform(
        mean=task.inference.mean,
        std=task.inference.std,
        side=side,
        augmentation=augmentation,
        has_grey_edges=type(task).has_grey_edges,
        randaugment=RandAugment.parse(scheme.aa) if scheme.aa else None,
        mix=mix,
        move=type(task).move,
    )
    return BatchLoader(
        open_split(task, samples, compute_stored_side(task.config), is_exact=False),
        task.targets(samples),
        transform,
        batch_size=scheme.batch_size,
        shuffle=True,
        weights=weights,
        seed=task.config.training.seed,
    )


def augment_settings(config: Config) -> dict[str, Any]:
    """Return the values of ``[training.augment]``; those of a function named in ``[training.preprocess]`` win.

    Raises:
        TaskContractError: the function's values are none of that section.
    """
    settings: dict[str, Any] = config.training.augment.to_dict()
    if "@augmentations" not in config.get("training.preprocess", {}):
        return settings
    found, where = config.resolve("training.preprocess"), "[training.preprocess] @augmentations"
    if not isinstance(found, dict):
        allowed = f"a dict of values for [training.augment]: {', '.join(settings)}"
        raise TaskContractError(f"the function returns {found!r}", where=where, allowed=allowed)
    try:
        return settings | {key: config.cast(f"training.augment.{key}", value) for key, value in found.items()}
    except UsageError as error:
        raise TaskContractError(f"the function returns {found!r}: {error}", where=where) from error


def compute_stored_side(config: Config) -> int:
    """Return the side of the images that training reads, pixels."""
    side: int = config.architecture.image_size
    return round(side * CROP_MARGIN) if augment_settings(config)["crop"] < 1 else side


def check_targets_follow(task: WithImages) -> None:
    """Pass if the augmentation can take along where things are in an image, for tasks that say it.

    Raises:
        UsageError: RandAugment, mixup or cutmix.
    """
    scheme = task.config.training.scheme
    if type(task).move and (asked := [key for key in ("aa", "mixup", "cutmix") if scheme[key]]):
        raise UsageError(
            f"{', '.join(asked)} cannot move what is annotated in an image",
            where="[training.scheme]",
            hint="leave it out; [training.augment] turns, crops and recolours images with their annotations",
        )


def eval_loader(task: WithImages, samples: Samples) -> BatchLoader:
    """Return the batches of a split in the order of its rows, unaugmented."""
    transform = EvalTransform(mean=task.inference.mean, std=task.inference.std)
    pixels = open_split(task, samples, task.inference.image_size)
    return BatchLoader(pixels, task.targets(samples), transform, batch_size=task.config.training.scheme.batch_size)


def open_split(task: WithImages, samples: Samples, side: int, *, is_exact: bool = True) -> Pixels:
    """Return the pixel store of these samples, built if need be.

    Args:
        side: of the stored images, pixels.
        is_exact: decode as inference does; else faster, from a JPEG's own reduced sizes.
    """
    is_exact = is_exact or task.inference.preprocess is not None
    return open_pixels(
        samples.images if is_exact else samples.images.reduce(side),
        side,
        hashes=samples.table["sha256"].tolist(),
        cache=cache_folder("stores"),
        limit_mb=task.config.training.data.cache_mb,
        preprocess=task.inference.preprocess,
        made_by=json.dumps([is_exact, task.inference.config["preprocess"], _code(task)], sort_keys=True),
        listener=task.listener,
    )


def _code(task: WithImages) -> str | None:
    """Return the sha256 of the user's file where its function may have made the pixels: edited, it makes others."""
    file = task.config.project.custom_functions
    return hash_file(to_absolute(file)) if file and task.inference.preprocess is not None else None
