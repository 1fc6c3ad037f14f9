"""The answer of a classifier."""

from typing import TYPE_CHECKING

from auto_train.answers import Answer, Described

if TYPE_CHECKING:
    import numpy as np


def answer(probabilities: "np.ndarray", model: Described) -> Answer:
    """Name the likeliest class.

    Args:
        probabilities: (num_classes,) float32, in the order of the labels.

    Source: ``prediction`` and ``confidence`` as the original ``infer`` gives them (F2.11).
    """
    values = [float(value) for value in probabilities]
    best = max(range(len(values)), key=values.__getitem__)
    return {
        "prediction": model.labels[best],
        "confidence": f"{values[best]:.2%}",
        "probabilities": dict(zip(model.labels, values, strict=True)),
        "model": model.name,
    }
