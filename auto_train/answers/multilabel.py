"""The answer of a model of label sets."""

from typing import TYPE_CHECKING

from auto_train.answers import Answer, Described

if TYPE_CHECKING:
    import numpy as np


def answer(probabilities: "np.ndarray", model: Described) -> Answer:
    """Name the labels whose probability is not below their threshold, the likeliest first; there may be none.

    Args:
        probabilities: (C,) float32, in the order of the labels.
        model: its facts are ``thresholds``, one for each label.
    """
    values = [float(value) for value in probabilities]
    thresholds = [float(value) for value in model.facts["thresholds"]]
    said = [(-p, label) for p, label, least in zip(values, model.labels, thresholds, strict=True) if p >= least]
    return {
        "labels": [label for _, label in sorted(said)],
        "probabilities": dict(zip(model.labels, values, strict=True)),
        "thresholds": dict(zip(model.labels, thresholds, strict=True)),
        "model": model.name,
    }
