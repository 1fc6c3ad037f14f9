"""Checks of the table: splits without images, classes that a split lacks or that are rare."""

from collections import Counter

from auto_train.data.doctor.finding import Finding, Item, of_classes
from auto_train.data.doctor.looks import Looks
from auto_train.data.samples import Samples

# Images a split needs at least.
MIN_IMAGES = {"train": 2, "valid": 1}
# Times as many training images as a rare class has.
MAX_IMBALANCE = 10


def check_splits(samples: Samples, looks: Looks) -> list[Finding]:
    """Find splits with too few images to train on or to validate with."""
    counts = samples.table["split"].iloc[looks.whole].value_counts()
    few = {split: int(counts.get(split, 0)) for split, least in MIN_IMAGES.items() if counts.get(split, 0) < least}
    items = [
        Item(split=split, message=f"{found} images in the {split} split (allowed: at least {MIN_IMAGES[split]})")
        for split, found in few.items()
    ]
    return of_classes("empty_split", items)


def count_classes(samples: Samples) -> Counter[tuple[str, str]]:
    """Return the number of images by (split, class); one with several classes counts for each."""
    rows = zip(samples.table["split"], samples.classes, strict=True)
    return Counter((split, label) for split, labels in rows for label in labels)


def check_classes(samples: Samples, looks: Looks) -> list[Finding]:
    """Find classes that a split lacks, and classes that are rare in training."""
    counts = count_classes(samples.take(looks.whole.tolist()))
    if not counts:  # numbers have no classes
        return []
    splits = [split for split in ("train", "valid", "test") if any(of == split for of, _ in counts)]
    lacking = [
        Item(split=split, label=label, message=f"no image of class '{label}' in {split}")
        for split in splits
        for label in samples.labels
        if (split, label) not in counts
    ]
    trained = {label: number for (split, label), number in counts.items() if split == "train"}
    largest = max(trained, key=trained.__getitem__, default="")
    rare = [
        Item(split="train", label=label, message=f"{number} images of '{label}'; '{largest}' has {trained[largest]}")
        for label, number in sorted(trained.items(), key=lambda item: item[1])
        if number * MAX_IMBALANCE <= trained[largest]
    ]
    return [*of_classes("class_missing_in_split", lacking), *of_classes("imbalance", rare)]
