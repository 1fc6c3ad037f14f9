"""One look at every mask, on all cores, and checks of what was seen: size, values, nothing but background.

Checks of what the masks of a set say together, palettes and 255 for objects, are in mask_sets.py.
"""

from typing import TYPE_CHECKING

import numpy as np

from auto_train.data.doctor.finding import Finding, Item, of_classes, of_rows
from auto_train.data.doctor.looks import MaskLooks
from auto_train.data.doctor.scan_masks import _MAX_VALUES
from auto_train.data.doctor.sizes import describe_other_size
from auto_train.data.draw import BACKGROUNDS
from auto_train.data.samples import Samples
from auto_train.data.targets import IGNORE, Masks

if TYPE_CHECKING:
    from auto_train.data.doctor.looks import Looks


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
        *of_rows("mask_size", samples, _find_other_sizes(masks, looks, usable), leaves_out=True),
        *of_rows(
            "mask_value_unknown",
            samples,
            [(row, _explain_unknown(masks, row, values)) for row, values in unknown.items() if values],
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


def _find_other_sizes(masks: Masks, looks: "Looks", rows: list[int]) -> list[tuple[int, str]]:
    assert looks.masks is not None
    found = [(row, describe_other_size(looks.masks.sizes[row].tolist(), looks, row)) for row in rows]
    return [(row, f"{masks.sources[row].where}: {text}") for row, text in found if text]


def _explain_unknown(masks: Masks, row: int, values: list[int]) -> str:
    named = ", ".join(map(str, values[:_MAX_VALUES])) + (", …" if len(values) > _MAX_VALUES else "")
    last = len(masks.names) - 1
    return f"{masks.sources[row].where}: value {named} (allowed: 0 to {last}, {IGNORE} for ignored)"
