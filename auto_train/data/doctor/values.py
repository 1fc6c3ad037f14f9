"""Checks of numbers and of sets of labels: columns of one value, outliers, labels on every image or on none."""

import numpy as np

from auto_train.data.doctor.finding import Finding, Item, of_classes, of_rows
from auto_train.data.doctor.looks import Looks
from auto_train.data.samples import Samples
from auto_train.data.targets import LabelSets, Values

# Robust deviations from the median; of a million normally distributed values none is so far out.
MAX_DEVIATIONS = 8.0
# The median distance from the median, as a share of the deviation of a normal distribution.
_SHARE = 0.6745


def check_values(samples: Samples, looks: Looks) -> list[Finding]:
    """Find columns of one value in training, and values far away from all others."""
    values = samples.targets
    if not isinstance(values, Values):
        return []
    is_trained = (samples.table["split"] == "train").to_numpy()
    constant = [
        Item(split="train", label=name, message=f"{name} is {column[0]:g} in all {len(column):,} training images")
        for name, column in zip(values.names, values.array[is_trained].T, strict=True)
        if len(column) > 1 and (column == column[0]).all()
    ]
    far = [found for at in range(len(values.names)) for found in _outliers(values, at)]
    return [*of_classes("value_constant", constant), *of_rows("value_outlier", samples, sorted(far))]


def check_label_sets(samples: Samples, looks: Looks) -> list[Finding]:
    """Find labels that every training image has, and images without a label."""
    found = samples.targets
    if not isinstance(found, LabelSets):
        return []
    is_trained = (samples.table["split"] == "train").to_numpy()
    trained = [set(labels) for labels, chosen in zip(found.sets, is_trained, strict=True) if chosen]
    always = sorted(set.intersection(*trained)) if len(trained) > 1 else []
    items = [
        Item(split="train", label=label, message=f"all {len(trained):,} training images have '{label}'")
        for label in always
    ]
    without = [(row, "") for row in looks.whole.tolist() if not found.sets[row]]
    return [*of_classes("label_always", items), *of_rows("image_without_labels", samples, without)]


def _outliers(values: Values, at: int) -> list[tuple[int, str]]:
    """Return the rows whose value in a column is far out. Source: Iglewicz and Hoaglin (1993), modified z-score."""
    column, name = values.array[:, at], values.names[at]
    middle = float(np.median(column))
    spread = float(np.median(np.abs(column - middle)))
    if spread == 0:  # more than half of the values are the same: nothing says how far the others may be
        return []
    deviations = _SHARE * np.abs(column - middle) / spread
    rows = np.flatnonzero(deviations > MAX_DEVIATIONS).tolist()
    return [(row, f"{name} = {column[row]:g}, the median is {middle:g}") for row in rows]
