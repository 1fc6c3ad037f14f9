"""A table labels.csv: a row for each image, or for each box."""

import csv
from collections.abc import Iterator, Sequence

from auto_train.data.targets import Boxes, LabelSets, Values
from auto_train.data.writers.base import NewData, format_number, without_crowds

IMAGES = "{split}/images"


def write(data: NewData) -> list[str]:
    """Write ``labels.csv`` with the columns path, split, group where there are groups, and the annotations."""
    table, targets = data.samples.table, data.samples.targets
    warnings: list[str] = []
    if isinstance(targets, Boxes):
        targets, warnings = without_crowds(targets)
        head = ["x1", "y1", "x2", "y2", "label"]
    elif isinstance(targets, Values):
        pairs = zip(targets.names, targets.units, strict=True)
        head = [f"{name} [{unit}]" if unit else name for name, unit in pairs]
    else:
        head = ["labels" if targets else "label"]
    has_groups = bool((table["group"] != "").any())
    with (data.folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "split", *(["group"] if has_groups else []), *head])
        for row, (split, group) in enumerate(zip(table["split"], table["group"], strict=True)):
            first = [str(data.images[row]), split, *([group] if has_groups else [])]
            writer.writerows([*first, *cells] for cells in _cells(data, targets, row))
    return warnings


def _cells(data: NewData, targets: object, row: int) -> Iterator[Sequence[str]]:
    if isinstance(targets, Boxes):
        part = targets.of(row)
        for corners, code in zip(targets.corners[part].tolist(), targets.codes[part].tolist(), strict=True):
            yield [*map(format_number, corners), targets.names[code]]
        if part.stop == part.start:
            yield [""] * 5
    elif isinstance(targets, Values):
        yield [repr(value) for value in targets.array[row].tolist()]
    elif isinstance(targets, LabelSets):
        yield ["|".join(targets.sets[row])]
    else:
        yield [data.samples.table["label"][row]]
