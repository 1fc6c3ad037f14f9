"""Which image is for training and which for validation: decided by content, without a seed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from auto_train.data.samples import Samples
from auto_train.errors import DataError, UsageError
from auto_train.types import normal_text


def assign_splits(samples: Samples, valid_fraction: float = 0.2, *, frozen: Mapping[str, str] | None = None) -> Samples:
    """Return the samples with a split for every row and sha256 filled in.

    Splits the data gives win. Without a validation split, an image goes to valid when the hash of its group, or of its
    content where it has none, falls under ``valid_fraction``; so equal images share a split, and added images move no
    old ones. A class left without a valid image lends its lowest hash; the last train image of a class stays there.

    Args:
        samples: of any reader.
        valid_fraction: share of the training images, 0 <= x < 1.
        frozen: splits by path that were assigned before and stay, as in a manifest.

    Raises:
        UsageError: a fraction out of range.
        DataError: files that cannot be read; no image left for training.
    """
    if not 0 <= valid_fraction < 1:
        where = "[project.data] valid_fraction"
        raise UsageError(f"'{valid_fraction}' is out of range", where=where, allowed="0 to below 1")
    samples = samples.hashed()
    table, frozen = samples.table, {normal_text(path): split for path, split in (frozen or {}).items()}
    paths = [normal_text(path) for path in table["path"]]
    splits = [frozen.get(path, split) for path, split in zip(paths, table["split"], strict=True)]
    if valid_fraction > 0 and "valid" not in set(table["split"]):
        keys = [group or sha256 for group, sha256 in zip(table["group"], table["sha256"], strict=True)]
        is_open = [path not in frozen and split != "test" for path, split in zip(paths, splits, strict=True)]
        valid = _valid_keys(keys, samples.classes, splits, is_open, valid_fraction)
        splits = [("valid" if keys[i] in valid else "train") if is_open[i] else splits[i] for i in range(len(splits))]
    splits = [split or "train" for split in splits]
    if "train" not in splits:
        raise DataError("no image is in the train split", where=str(samples.root or ""))
    return samples.with_column("split", splits)


def unit_hash(key: str) -> float:
    """Return a number in [0, 1) that depends on the text only: the first 53 bits of its sha256."""
    return (int.from_bytes(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:8], "big") >> 11) / 2**53


def _valid_keys(
    keys: list[str], classes: Iterable[Sequence[str]], splits: list[str], is_open: list[bool], fraction: float
) -> set[str]:
    """Return the groups and contents, among the open rows, that are for validation."""
    position = {key: unit_hash(key) for key in set(keys)}
    valid = {key for key, place in position.items() if place < fraction}
    own: dict[str, set[str]] = defaultdict(set)
    settled: set[tuple[str, str]] = set()
    for key, labels, split, free in zip(keys, classes, splits, is_open, strict=True):
        for label in labels:
            own[label].update([key] if free else [])
            settled.update([] if free else [(label, split)])
    for label in sorted(own):
        if not own[label] & valid and (label, "valid") not in settled and len(own[label]) > 1:
            valid.add(min(own[label], key=position.__getitem__))
    for label in sorted(own):  # afterwards: a class has to be trained before it can be validated
        if own[label] and own[label] <= valid and (label, "train") not in settled:
            valid.remove(max(own[label], key=position.__getitem__))
    return valid
