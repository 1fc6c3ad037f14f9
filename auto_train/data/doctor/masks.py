"""One look at every mask, on all cores, and checks of what was seen: size, values, nothing but background.

Checks of what the masks of a set say together, palettes and 255 for objects, are in mask_sets.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from auto_train.data.doctor.finding import Finding, Item, of_classes, of_rows
from auto_train.data.doctor.look import Problem
from auto_train.data.doctor.sizes import other_size
from auto_train.data.draw import BACKGROUNDS
from auto_train.data.image_cache import known_masks, remember_masks
from auto_train.data.masks import MaskFile
from auto_train.data.parallel import in_order, new_pool
from auto_train.data.samples import Samples
from auto_train.data.targets import IGNORE, Masks, MaskSource
from auto_train.errors import ImageError

if TYPE_CHECKING:
    from auto_train.data.doctor.scan import Looks

_CHUNK, _AT_ONCE, _AHEAD = 2048, 8, 64
# Values named in a message.
_MOST_VALUES = 5


class MaskLook(NamedTuple):
    """What was seen of a mask: its size in pixels, and a bit for each value that is in it.

    Attributes:
        colours: red, green and blue that a palette gives each of these values, in rising order; b"" without a palette.
    """

    width: int
    height: int
    values: bytes
    colours: bytes = b""


@dataclass(frozen=True, kw_only=True)
class MaskLooks:
    """What was seen of every mask, row by row.

    Attributes:
        problems: by row, of masks that cannot be read; the other columns are 0 there.
        sizes: (N, 2) int32, width and height, pixels.
        bits: (N, 32) uint8, see :attr:`present`.
        colours: by row, of masks with a palette, see :class:`MaskLook`.
    """

    problems: dict[int, Problem]
    sizes: np.ndarray
    bits: np.ndarray
    colours: dict[int, bytes]

    @classmethod
    def empty(cls, n: int) -> Self:
        return cls(problems={}, sizes=np.zeros((n, 2), np.int32), bits=np.zeros((n, 32), np.uint8), colours={})

    def note(self, row: int, found: "MaskLook | Problem") -> None:
        if isinstance(found, Problem):
            self.problems[row] = found
            return
        self.sizes[row] = found.width, found.height
        self.bits[row] = np.frombuffer(found.values, np.uint8)
        if found.colours:
            self.colours[row] = found.colours

    def present(self, row: int) -> list[int]:
        """Return the values that are in a mask."""
        return [int(value) for value in np.flatnonzero(np.unpackbits(self.bits[row]))]

    def named(self, masks: Masks) -> Masks:
        """Return the masks with the classes that were seen in them."""
        names = masks.names
        seen = [[names[value] for value in self.present(row) if value < len(names)] for row in range(len(masks))]
        return replace(masks, seen=seen)


def look_at_masks(masks: Masks, *, progress: Callable[[int], None] | None = None) -> MaskLooks:
    """Return what is seen of every mask; one that an earlier start has seen is not read again.

    Args:
        progress: told the number of masks done.
    """
    looks, total = MaskLooks.empty(len(masks)), len(masks)
    with new_pool("masks") as pool:
        for start in range(0, total, _CHUNK):
            rows = range(start, min(start + _CHUNK, total))
            parts = [rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)]
            digests = [text for part in pool.map(partial(_digests, masks), parts) for text in part]
            known = known_masks(set(digests) - {""})
            fresh: dict[str, MaskLook] = {}
            found = in_order(pool, partial(_looked_at, masks, digests, known, start), parts, ahead=_AHEAD)
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


def _looked_at(
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


def check_masks(samples: Samples, looks: "Looks") -> list[Finding]:
    """Find masks that cannot be read, that do not fit their image, or that show nothing."""
    masks, seen = samples.targets, looks.masks
    if not isinstance(masks, Masks) or seen is None:
        return []
    usable = [row for row in looks.whole.tolist() if row not in seen.problems]
    has_background = bool(masks.names) and masks.names[0].lower() in BACKGROUNDS
    present = {row: set(seen.present(row)) for row in usable}
    unknown = {row: sorted(values - {IGNORE} - set(range(len(masks.names)))) for row, values in present.items()}
    ignored = [(row, "") for row in usable if present[row] == {IGNORE}]
    empty = [(row, "") for row in usable if has_background and present[row] == {0}]
    return [
        *of_rows("mask_unreadable", samples, _messages(seen), leaves_out=True),
        *of_rows("mask_size", samples, _other_sizes(masks, looks, usable), leaves_out=True),
        *of_rows(
            "mask_value_unknown",
            samples,
            [(row, _unknown(masks, row, values)) for row, values in unknown.items() if values],
            leaves_out=True,
        ),
        *of_rows("mask_ignored", samples, ignored),
        *of_rows("mask_empty", samples, empty),
    ]


def check_mask_splits(samples: Samples, looks: "Looks") -> list[Finding]:
    """Find splits to train on or validate with whose masks all show one class only."""
    masks, seen = samples.targets, looks.masks
    if not isinstance(masks, Masks) or seen is None:
        return []
    splits = samples.table["split"].to_numpy()
    items = []
    for split in ("train", "valid"):
        rows = [row for row in np.flatnonzero(splits == split).tolist() if row not in seen.problems]
        values = set().union(*(seen.present(row) for row in rows)) - {IGNORE}
        if rows and len(values) < 2:
            only = ", ".join(masks.names[value] for value in values if value < len(masks.names)) or "nothing at all"
            items.append(Item(split=split, message=f"the masks of all {len(rows):,} images in {split}: {only}"))
    return of_classes("mask_one_class", items)


def _messages(seen: MaskLooks) -> list[tuple[int, str]]:
    return [(row, problem.message) for row, problem in sorted(seen.problems.items())]


def _other_sizes(masks: Masks, looks: "Looks", rows: list[int]) -> list[tuple[int, str]]:
    assert looks.masks is not None
    found = [(row, other_size(looks.masks.sizes[row].tolist(), looks, row)) for row in rows]
    return [(row, f"{masks.sources[row].where}: {text}") for row, text in found if text]


def _unknown(masks: Masks, row: int, values: list[int]) -> str:
    named = ", ".join(map(str, values[:_MOST_VALUES])) + (", …" if len(values) > _MOST_VALUES else "")
    last = len(masks.names) - 1
    return f"{masks.sources[row].where}: value {named} (allowed: 0 to {last}, {IGNORE} for ignored)"
