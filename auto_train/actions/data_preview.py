"""`data preview`: a contact sheet of training samples exactly as the network gets them, with what they teach drawn."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_train.config import Config
from auto_train.data import Samples
from auto_train.data.draw import GROUND, READABLE, Word, draw_boxes, draw_mask, draw_words, mask_words
from auto_train.data.targets import Boxes, Masks, Values
from auto_train.dry_run.trial import trial
from auto_train.errors import UsageError
from auto_train.types import Listener, to_absolute

if TYPE_CHECKING:
    import torch

    from auto_train.common.task import Task

FORMATS = (".png", ".jpg", ".jpeg", ".webp")
MAX_IMAGES = 100
# Of a mixed label, shares below this are not worth a word.
_MIN_SHARE = 0.005
# Nothing of these is seen, and all of them take time.
_QUICK = {
    "architecture.backbone.pretrained": False,
    "architecture.backbone.weights": "none",
    "training.scheme.resume_training_from": "none",
    "training.scheme.amp": False,
    "training.scheme.channels_last": False,
}


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What was drawn.

    Attributes:
        path: the sheet.
        images: how many are on it.
        side: of the images as the network gets them, pixels.
        warnings: what the user should know.
    """

    path: Path
    images: int
    side: int
    warnings: tuple[str, ...] = ()


def preview(
    config: Config,
    recipe: "type[Task]",
    output: Path | str,
    *,
    count: int = 16,
    offline: bool = False,
    listener: Listener | None = None,
) -> Preview:
    """Draw the first training batch; see :func:`auto_train.actions.preview`.

    Args:
        recipe: the Task of the config's recipe.

    Raises:
        UsageError: a count or a file that cannot be. DataError: of the data, as a training would.
    """
    path = to_absolute(output)
    check_output(path, count)
    with trial(config, changes=_QUICK | {"training.scheme.batch_size": count}) as running:
        task = recipe(running.config, listener=listener, offline=offline)
        sheet, number = _draw_sheet(task)
        warnings = tuple(task.warnings)
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet).save(path)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
    return Preview(path=path, images=number, side=config.architecture.image_size, warnings=warnings)


def check_output(path: Path, count: int) -> None:
    """Pass if a sheet of so many images can be written to a file.

    Raises:
        UsageError: it cannot.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"'{path.name}' is no picture", where="--output", allowed=", ".join(FORMATS))
    if not 1 <= count <= MAX_IMAGES:
        raise UsageError(f"{count} images", where="--count", allowed=f"1 to {MAX_IMAGES}")


def _draw_sheet(task: "Task") -> tuple[np.ndarray, int]:
    """Return the contact sheet of a task's first training batch, and the number of images on it."""
    loader = task.dls.train
    images, targets = loader.one_batch()
    pixels = denormalise(images, task)
    rows: Sequence[int | None] = [None] * len(pixels)
    with suppress(AttributeError):  # loaders of the user's own have no order that can be asked for
        rows = loader.order(loader.epoch)[: len(pixels)].tolist()
    samples = task.samples.of("train")
    found = [draw_sample(view, target, samples, row) for view, target, row in zip(pixels, targets, rows, strict=True)]
    sheet = draw_contact_sheet(found)
    if isinstance(samples.targets, Masks):
        legend = mask_words(np.concatenate([np.ravel(target.cpu().numpy()) for target in targets]), task.labels)
        sheet = draw_words(sheet, legend)
    return sheet, len(found)


def denormalise(images: "torch.Tensor", task: "Task") -> list[np.ndarray]:
    """Return what the network gets, (N, 3, S, S) normalised, as pictures (S, S, 3) uint8."""
    plain = images.detach().float() * task.inference.std + task.inference.mean
    pixels = plain.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return [np.ascontiguousarray(np.broadcast_to(one, (*one.shape[:2], 3))) for one in pixels]


def draw_sample(view: np.ndarray, target: "torch.Tensor", samples: Samples, row: int | None) -> np.ndarray:
    """Return a picture of one training sample with its target: boxes and masks drawn, all else written below.

    Args:
        view: (S, S, 3) uint8.
        target: as the loader gives it, moved and mixed as the pixels were.
        samples: of the training split.
        row: of the sample; None: not known.
    """
    found, kind = target.cpu().numpy(), samples.targets
    if isinstance(kind, Boxes):
        found = found[found[:, 0] >= 0]
        codes = [int(code) % 1000 for code in found[:, 0]]
        return draw_boxes(view, found[:, 1:5] * len(view), [kind.names[code] for code in codes], codes)
    if isinstance(kind, Masks):
        shown = found.astype(np.uint8)
        return draw_mask(view, shown, kind.names, legend=False) if shown.shape == view.shape[:2] else view
    return draw_words(view, describe_target(found, samples, row))


def describe_target(target: Any, samples: Samples, row: int | None) -> list[Word]:
    """Return what a target of the whole image says, in words."""
    kind, labels = samples.targets, samples.labels
    if isinstance(kind, Values):
        numbers = kind.array[row] if row is not None else np.atleast_1d(target)
        return [(f"{name} {number:.4g}", None) for name, number in zip(kind.names, numbers.tolist(), strict=True)]
    if np.ndim(target) == 0:
        return [(labels[int(target)], int(target))]
    named = [(code, float(target[code])) for code in np.argsort(-target, kind="stable") if target[code] > _MIN_SHARE]
    texts = [labels[code] if share > 1 - _MIN_SHARE else f"{labels[code]} {share:.0%}" for code, share in named]
    words: list[Word] = [(text, int(code)) for text, (code, _) in zip(texts, named, strict=True)]
    return words or [("no label", None)]


def draw_contact_sheet(pictures: Sequence[np.ndarray], *, side: int = READABLE) -> np.ndarray:
    """Return pictures (H, W, 3) uint8 of any size beside and below each other, none longer than ``side`` pixels."""
    from PIL import Image

    small = [Image.fromarray(picture) for picture in pictures]
    for picture in small:
        picture.thumbnail((side, 2 * side), reducing_gap=3)
    columns = max(1, round(len(small) ** 0.5 + 0.3))
    gap, wide = side // 40, max(picture.width for picture in small)
    rows = [small[start : start + columns] for start in range(0, len(small), columns)]
    highs = [max(picture.height for picture in row) for row in rows]
    size = (gap + (wide + gap) * min(columns, len(small)), gap + sum(high + gap for high in highs))
    sheet, y = Image.new("RGB", size, GROUND), gap
    for row, high in zip(rows, highs, strict=True):
        for at, picture in enumerate(row):
            sheet.paste(picture, (gap + at * (wide + gap), y))
        y += high + gap
    return np.asarray(sheet)
