"""What pixels tell about how images may be changed: have they colours, a plain ground, a left and a right?"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from auto_train.data.samples import Samples
from auto_train.errors import ImageError

# Of the largest classes so many images each are decoded, none of more pixels, and no more after so many seconds.
CLASSES, PER_CLASS, MAX_PIXELS, MAX_S = 16, 32, 30_000_000, 10.0
# Side of the pictures that are compared, pixels.
THUMB = 24
# Channels that differ less are grey: what JPEG makes of grey pictures. Share of the pictures that must be.
GREY_STEP, GREY_SHARE = 8, 0.95
# Share of a picture in its commonest of 16 grey levels that no photograph usually has.
PLAIN_SHARE = 0.4
# Fewer pictures tell no left from right; above half so much, and so many deviations of guessing, is no chance.
MIN_HANDED, ABOVE_HALF, DEVIATIONS = 24, 0.1, 2.5


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the pixels of some images tell.

    Attributes:
        images: how many were decoded.
        is_grey: they have no colours.
        is_plain: most of each is one shade: drawn or written on a plain ground.
        upright: share of them that are told from mirrored ones by comparing them with others of their class: half is
            guessing. None: too few to tell.
    """

    images: int
    is_grey: bool
    is_plain: bool
    upright: float | None

    @property
    def is_handed(self) -> bool | None:
        """Whether mirrored images would be ones that do not occur; None where too few were seen to tell."""
        if self.upright is None:
            return None
        return self.upright > 0.5 + max(ABOVE_HALF, DEVIATIONS * 0.5 / self.images**0.5)


def look(samples: Samples, sizes: Mapping[int, tuple[int, int]]) -> Evidence:
    """Return what some of the images show.

    Args:
        sizes: (width, height) by row, of the rows to choose from.
    """
    groups = _thumbs(samples, sizes)
    thumbs = np.concatenate(list(groups.values())) if groups else np.zeros((0, THUMB, THUMB, 3), np.float32)
    if not len(thumbs):
        return Evidence(images=0, is_grey=False, is_plain=False, upright=None)
    is_grey = np.ptp(thumbs, axis=3).max(axis=(1, 2)) <= GREY_STEP
    # Copies would each find the other upright, whatever they show.
    distinct = [np.unique(group.mean(axis=3), axis=0) for group in groups.values()]
    hits = [upright_hits(group) for group in distinct if len(group) > 1]
    compared = sum(len(group) for group in distinct if len(group) > 1)
    return Evidence(
        images=len(thumbs),
        is_grey=bool(is_grey.mean() >= GREY_SHARE),
        is_plain=bool(np.median([_commonest(thumb) for thumb in thumbs.mean(axis=3)]) >= PLAIN_SHARE),
        upright=sum(hits) / compared if compared >= MIN_HANDED else None,
    )


def upright_hits(images: np.ndarray) -> float:
    """Return how many images look more like the others than like the others mirrored; a tie is half a hit.

    Args:
        images: (N, S, S) float, of one class, N > 1.

    Source: the idea of Lin et al., "Visual Chirality", CVPR 2020: where mirrored images can be told, mirroring is no
    augmentation. Nearest neighbours within a class are enough where it matters, and need no training.
    """
    upright = images.reshape(len(images), -1)
    mirrored = images[:, :, ::-1].reshape(len(images), -1)
    apart = np.diag(np.full(len(images), np.inf))
    near, far = (_distances(upright, other) + apart for other in (upright, mirrored))
    difference = far.min(axis=1) - near.min(axis=1)
    return float(np.sum(difference > 0) + np.sum(difference == 0) / 2)


def _distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return squared distances (N, M) of rows, rounded so that what is equal stays equal."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    return np.round(squares, 1)


def _commonest(grey: np.ndarray) -> float:
    """Return the share of the commonest of 16 levels in a picture (S, S) of 0 to 255."""
    return float(np.bincount((grey // 16).astype(int).ravel()).max() / grey.size)


def _thumbs(samples: Samples, sizes: Mapping[int, tuple[int, int]]) -> dict[str, np.ndarray]:
    """Return small pictures (N, S, S, 3) float32 of 0 to 255 by class; together where an image has not just one."""
    from PIL import Image

    rows: dict[str, list[int]] = defaultdict(list)
    labels = samples.table["label"].tolist() if samples.targets is None else [""] * len(samples)
    for row, (width, height) in sizes.items():
        if width * height <= MAX_PIXELS:
            rows[labels[row]].append(row)
    chosen = sorted(rows, key=lambda label: -len(rows[label]))[:CLASSES]
    images, began = samples.images.reduce(THUMB), time.monotonic()
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    # In turns, so that a slow disk shows some of every class in the time.
    turns = zip_longest(*([(label, row) for row in rows[label][:PER_CLASS]] for label in chosen))
    for label, row in filter(None, chain.from_iterable(turns)):
        if time.monotonic() - began > MAX_S:
            break
        try:
            picture = Image.fromarray(images[row]).resize((THUMB, THUMB), Image.Resampling.BOX)
        except ImageError:
            continue
        found[label].append(np.asarray(picture, dtype=np.float32))
    return {label: np.stack(pictures) for label, pictures in found.items()}
