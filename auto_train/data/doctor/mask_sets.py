"""Checks of what the masks of a set say together: 255 for objects in some of them, contradicting palettes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from auto_train.data.doctor.finding import Finding, of_rows
from auto_train.data.draw import BACKGROUNDS
from auto_train.data.samples import Samples
from auto_train.data.targets import IGNORE, Masks

if TYPE_CHECKING:
    from auto_train.data.doctor.looks import Looks, MaskLooks

Colour = tuple[int, int, int]
# Masks of 0 and 255 alone from which on they are taken for masks of objects, also as a share of those with objects.
MIN, MIN_SHARE = 2, 0.1


def check_mask_sets(samples: Samples, looks: "Looks") -> list[Finding]:
    """Find masks whose values mean something else than those of the others."""
    masks, seen = samples.targets, looks.masks
    if not isinstance(masks, Masks) or seen is None:
        return []
    usable = [row for row in looks.whole.tolist() if row not in seen.problems]
    present = {row: set(seen.present(row)) for row in usable}
    return [
        *_check_255(samples, masks, present),
        *of_rows("mask_palette", samples, list(_check_palettes(masks, seen, present))),
    ]


def _check_255(samples: Samples, masks: Masks, present: Mapping[int, set[int]]) -> list[Finding]:
    """Find masks of background and 255 alone: objects, if there are many and no mask has 255 beside an object."""
    if not masks.names or masks.names[0].lower() not in BACKGROUNDS:
        return []
    rows = [row for row, values in present.items() if values == {0, IGNORE}]
    with_objects = [values for values in present.values() if values - {0, IGNORE}]
    is_many = len(rows) >= MIN and len(rows) >= MIN_SHARE * len(with_objects) > 0
    is_object = is_many and not any(IGNORE in values for values in with_objects)
    code = "mask_255_as_object" if is_object else "mask_0_255"
    found = [(row, f"{masks.sources[row].where}: values 0 and 255 alone") for row in rows]
    return of_rows(code, samples, found, leaves_out=is_object)


def _check_palettes(masks: Masks, seen: "MaskLooks", present: Mapping[int, set[int]]) -> Iterator[tuple[int, str]]:
    """Yield the masks in whose palettes a colour stands for another code than elsewhere."""
    entries = {
        row: dict(zip(sorted(values), _triples(seen.colours[row]), strict=True))
        for row, values in present.items()
        if row in seen.colours
    }
    # Where two codes have one colour, the palette says nothing.
    entries = {row: found for row, found in entries.items() if len(set(found.values())) == len(found)}
    codes: dict[Colour, set[int]] = defaultdict(set)
    for found in entries.values():
        for code, colour in found.items():
            codes[colour].add(code)
    for row, found in entries.items():
        for code, colour in found.items():
            where, shown = masks.sources[row].where, ",".join(map(str, colour))
            if len(codes[colour]) > 1:
                others = ", ".join(str(other) for other in sorted(codes[colour] - {code}))
                yield row, f"{where}: colour {shown} is value {code}; in other masks it is value {others}"
                break
            if colour[0] != code and len(set(colour)) == 1 and 0 < colour[0] < len(masks.names):
                yield row, f"{where}: value {code} is shown as grey {colour[0]}, which is a class too"
                break


def _triples(colours: bytes) -> list[Colour]:
    return [(colours[at], colours[at + 1], colours[at + 2]) for at in range(0, len(colours), 3)]
