"""Which image is for training and which for validation: decided by content, without a seed."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from auto_train.data.hold_out import Unit, hold_out
from auto_train.data.samples import Samples
from auto_train.errors import DataError, UsageError
from auto_train.types import normalise_text

DRAWN = ("train", "valid")


def assign_splits(
    samples: Samples,
    valid_fraction: float = 0.2,
    *,
    frozen: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
) -> Samples:
    """Return the samples with a split for every row and sha256 filled in.

    Splits the data gives win. Without a validation split, ``valid_fraction`` of the images are held out, to the nearest
    number: in each class those with the lowest hashes of their group, or of their content where they have none. Images
    of one group or of equal content share a split. Images whose split is known from an earlier run keep it, and added
    ones are drawn to bring the number to what it has to be.

    Args:
        samples: of any reader.
        valid_fraction: share of the training images, 0 <= x < 1.
        frozen: splits by path that were assigned before and stay, as in the manifest of the same run.
        earlier: splits by sha256 in earlier runs.

    Raises:
        UsageError: a fraction out of range.
        DataError: files that cannot be read; no image left for training.
    """
    if not 0 <= valid_fraction < 1:
        where = "[project.data] valid_fraction"
        raise UsageError(f"'{valid_fraction}' is out of range", where=where, allowed="0 to below 1")
    samples = samples.fill_hashes()
    table, frozen = samples.table, {normalise_text(path): split for path, split in (frozen or {}).items()}
    paths = [normalise_text(path) for path in table["path"]]
    splits = [frozen.get(path, split) for path, split in zip(paths, table["split"], strict=True)]
    if valid_fraction > 0 and "valid" not in set(table["split"]):
        settled = [path in frozen or split == "test" for path, split in zip(paths, splits, strict=True)]
        splits = _draw_splits(samples, splits, settled, valid_fraction, earlier or {})
    splits = [split or "train" for split in splits]
    if "train" not in splits:
        raise DataError("no image is in the train split", where=str(samples.root or ""))
    return samples.with_column("split", splits)


def unit_hash(key: str) -> float:
    """Return a number in [0, 1) that depends on the text only: the first 53 bits of its sha256."""
    return (int.from_bytes(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:8], "big") >> 11) / 2**53


def _draw_splits(
    samples: Samples, splits: list[str], settled: Sequence[bool], fraction: float, earlier: Mapping[str, str]
) -> list[str]:
    """Return the splits with those of the rows that are not settled drawn."""
    sums, classes = samples.table["sha256"].tolist(), samples.classes
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(_join_units(samples.table["group"].tolist(), sums)):
        if splits[row] != "test":
            rows_of[key].append(row)
    units = []
    for key, rows in rows_of.items():
        fixed = {splits[row] for row in rows if settled[row]}
        before = {earlier[sums[row]] for row in rows if sums[row] in earlier} & {*DRAWN}
        split = _only(fixed) if fixed else next(iter(before)) if len(before) == 1 else ""
        shown = Counter(label for row in rows for label in set(classes[row]) or {""})
        is_kept = split == "train" and not fixed
        units.append(Unit(place=unit_hash(key), images=len(rows), classes=shown, split=split, is_kept=is_kept))
    held_out = hold_out(units, fraction)
    result = list(splits)
    for number, (unit, rows) in enumerate(zip(units, rows_of.values(), strict=True)):
        drawn = "valid" if number in held_out else unit.split or "train"
        for row in rows:
            result[row] = splits[row] if settled[row] else drawn
    return result


def _only(splits: set[str]) -> str:
    """Return the split that rows of a unit have; train where they have several: it is trained on already."""
    return next(iter(splits)) if len(splits) == 1 else "train"


def _join_units(groups: Sequence[str], sums: Sequence[str]) -> list[str]:
    """Return what names the unit of each row: of rows that share a group or their content the same text.

    It is the group or, without one, the content; of groups that share contents the one with the lowest hash.
    """
    if not any(groups):
        return list(sums)
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = parent[key]
        return key

    keys = [group or sha256 for group, sha256 in zip(groups, sums, strict=True)]
    first: dict[str, str] = {}
    for key, sha256 in zip(keys, sums, strict=True):
        one, other = root(key), root(first.setdefault(sha256, key))
        if one != other:
            low, high = sorted((one, other), key=unit_hash)
            parent[high] = low
    return [root(key) for key in keys]
