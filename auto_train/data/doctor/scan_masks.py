"""Look at every mask once, several at a time; what was seen before is taken from the cache."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from auto_train.data.doctor.look import Problem
from auto_train.data.doctor.looks import MaskLook, MaskLooks
from auto_train.data.image_cache import load_masks, remember_masks
from auto_train.data.masks import MaskFile
from auto_train.data.parallel import create_pool, map_in_order
from auto_train.data.targets import Masks, MaskSource
from auto_train.errors import ImageError

if TYPE_CHECKING:
    pass


_CHUNK, _AT_ONCE, _AHEAD = 2048, 8, 64


# Values named in a message.
_MAX_VALUES = 5


def look_at_masks(masks: Masks, *, progress: Callable[[int], None] | None = None) -> MaskLooks:
    """Return what is seen of every mask; one that an earlier start has seen is not read again.

    Args:
        progress: told the number of masks done.
    """
    looks, total = MaskLooks.empty(len(masks)), len(masks)
    with create_pool("masks") as pool:
        for start in range(0, total, _CHUNK):
            rows = range(start, min(start + _CHUNK, total))
            parts = [rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)]
            digests = [text for part in pool.map(partial(_digests, masks), parts) for text in part]
            known = load_masks(set(digests) - {""})
            fresh: dict[str, MaskLook] = {}
            found = map_in_order(pool, partial(_look_at_masks, masks, digests, known, start), parts, ahead=_AHEAD)
            for part, seen in zip(parts, found, strict=True):
                for row, one in zip(part, seen, strict=True):
                    looks.note(row, one)
                    if isinstance(one, MaskLook) and digests[row - start]:
                        fresh[digests[row - start]] = one
                if progress:
                    progress(part.stop)
            remember_masks({digest: look for digest, look in fresh.items() if digest not in known})
    return looks


def _digests(masks: Masks, rows: range) -> list[str]:
    """Return what stands for the content of some masks, "" for those that are not there."""
    found = []
    for row in rows:
        try:
            found.append(masks.sources[row].digest())
        except (OSError, ImageError):
            found.append("")
    return found


def _look_at_masks(
    masks: Masks, digests: list[str], known: Mapping[str, tuple[int, int, bytes, bytes]], start: int, rows: range
) -> list[MaskLook | Problem]:
    return [
        MaskLook(*known[digest]) if (digest := digests[row - start]) in known else look_at_mask(masks.sources[row])
        for row in rows
    ]


def look_at_mask(source: MaskSource) -> MaskLook | Problem:
    """Return what is seen of one mask, or why it cannot be read."""
    try:
        mask, colours = source.decode() if isinstance(source, MaskFile) else (source.read(), b"")
    except (OSError, ImageError) as error:
        text = error.message if isinstance(error, ImageError) else error.strerror or str(error)
        hint = f"; {error.hint}" if isinstance(error, ImageError) and error.hint else ""
        return Problem("mask_unreadable", f"{source.where}: {text}{hint}")
    is_there = np.bincount(mask.ravel(), minlength=256) > 0
    return MaskLook(mask.shape[1], mask.shape[0], np.packbits(is_there).tobytes(), colours)
