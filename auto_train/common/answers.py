"""From a model's numbers to the answer a user reads, one function per task. Loads no torch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from auto_train.errors import BundleError

if TYPE_CHECKING:
    import numpy as np

Answer = dict[str, Any]
AnswerFunction = Callable[["np.ndarray", Sequence[str], str], Answer]


def classification_answer(probabilities: "np.ndarray", labels: Sequence[str], model: str) -> Answer:
    """Name the likeliest class.

    Args:
        probabilities: (num_classes,) float32, in the order of the labels.
        model: name of the model.

    Source: ``prediction`` and ``confidence`` as the original ``infer`` gives them (F2.11).
    """
    values = [float(value) for value in probabilities]
    best = max(range(len(values)), key=values.__getitem__)
    return {
        "prediction": labels[best],
        "confidence": f"{values[best]:.2%}",
        "probabilities": dict(zip(labels, values, strict=True)),
        "model": model,
    }


ANSWERS: dict[str, AnswerFunction] = {"classification": classification_answer}


def answer_function(task: str) -> AnswerFunction:
    """Return the function for a task.

    Raises:
        BundleError: no such task is served.
    """
    if task not in ANSWERS:
        raise BundleError(f"the model's task '{task}' cannot be served", allowed=", ".join(sorted(ANSWERS)))
    return ANSWERS[task]
