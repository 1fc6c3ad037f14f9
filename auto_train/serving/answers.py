"""From an engine's numbers to the answer a user reads, one function per task."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from auto_train.errors import BundleError
from auto_train.serving.engines.base import Metadata

if TYPE_CHECKING:
    import numpy as np

Answer = dict[str, Any]


def classification_answer(probabilities: "np.ndarray", model: Metadata) -> Answer:
    """Name the likeliest class.

    Args:
        probabilities: (num_classes,) float32, in the order of the model's labels.

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


ANSWERS: dict[str, Callable[["np.ndarray", Metadata], Answer]] = {"classification": classification_answer}


def answer_function(model: Metadata) -> Callable[["np.ndarray", Metadata], Answer]:
    """Return the function for the model's task.

    Raises:
        BundleError: no such task is served.
    """
    if model.task not in ANSWERS:
        raise BundleError(f"the model's task '{model.task}' cannot be served", allowed=", ".join(sorted(ANSWERS)))
    return ANSWERS[model.task]
