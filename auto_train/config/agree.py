"""Values that a training refuses together, or in a number or an order that no spec says: found before it starts."""

from collections.abc import Iterator, Mapping
from typing import Any

from auto_train.config.problem import Problem
from auto_train.config.variables import Address, Cell, Variables

COUNTS = (("project", "num_classes"), ("project", "n_classes"), ("project.meta", "num_classes"))


def check_values(variables: Variables) -> Iterator[Problem]:
    """Yield a problem for each value that another one, or the model, forbids; values must be final."""
    for check in (_counts, _channels, _strides, _checksums, _two_stages, _downloads):
        yield from check(variables.cells)


def _counts(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    """Yield a problem for numbers of classes that differ; of masks the background need not be counted."""
    stated = [(at, cells[at]) for at in COUNTS if _value(cells, at) is not None]
    tolerance = 1 if _value(cells, ("project.data", "target")) == "mask" else 0
    is_read = not any(section == "training.data.load_datablocks" for section, _ in cells)  # by a reader of ours
    classes: list[str] = (_value(cells, ("project", "classes")) if is_read else None) or []
    for _, cell in stated[:1] if classes else ():
        if abs(cell.value - len(classes)) > tolerance:
            yield cell.entry.problem(
                f"'{cell.text}' is not the number of [project] classes, which names {len(classes)}; correct one of "
                "them, or remove this key"
            )
    for _, cell in stated[1:]:
        if cell.value != stated[0][1].value:
            other = stated[0][0]
            yield cell.entry.problem(
                f"'{cell.text}' differs from [{other[0]}] {other[1]} = {stated[0][1].text}; keep one of them"
            )


def _channels(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    for key in ("mean", "std"):
        cell = cells.get(("architecture", key))
        if cell and isinstance(cell.value, list):
            if len(cell.value) != 3:
                yield cell.entry.problem(f"'{cell.text}' must be three numbers, for red, green and blue")
            elif key == "std" and min(cell.value) <= 0:
                yield cell.entry.problem(f"'{cell.text}' must be three numbers above 0")


def _strides(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    cell = cells.get(("architecture", "strides"))
    if cell and isinstance(cell.value, list) and (not cell.value or cell.value != sorted(cell.value)):
        yield cell.entry.problem(f"'{cell.text}' must be one or more strides, from fine to coarse, such as [8, 16, 32]")


def _checksums(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    urls, sums = (cells.get(("project", key)) for key in ("data_source_url", "data_sha256"))
    if urls and sums and sums.value:
        count = len(urls.value or [])
        if len(sums.value) != count:
            yield sums.entry.problem(
                f"{len(sums.value)} checksums for {count} sources (allowed: one for each data_source_url, or none)"
            )


def _two_stages(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    """Yield what Faster R-CNN cannot do: how many boxes its second stage looks into depends on the image."""
    cell = cells.get(("architecture", "detector"))
    if not cell or cell.value != "faster_rcnn":
        return
    if _value(cells, ("export", "formats")):
        yield _at(cells, ("export", "formats"), cell).problem(
            "faster_rcnn cannot be exported; set [export] formats = [] to serve the bundle with torch, or "
            "[architecture] detector = fcos"
        )
    if _value(cells, ("training.scheme", "monitor")) == "loss":
        yield _at(cells, ("training.scheme", "monitor"), cell).problem(
            "faster_rcnn has losses in training only (allowed: map_50_95, map_50)"
        )


def _downloads(cells: Mapping[Address, Cell]) -> Iterator[Problem]:
    named = [(section, cell) for (section, key), cell in cells.items() if key == "@download_function"]
    for _, cell in named[1:]:
        yield cell.entry.problem(f"[{named[0][0]}] names a download_function too; keep one of them")


def _at(cells: Mapping[Address, Cell], address: Address, instead: Cell) -> Any:
    """Return the entry of a key, or another one where the recipe's default stands."""
    entry = cells[address].entry
    return instead.entry if entry.origin.kind == "default" else entry


def _value(cells: Mapping[Address, Cell], address: Address) -> Any:
    return cells[address].value if address in cells else None
