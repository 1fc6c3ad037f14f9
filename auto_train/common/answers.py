"""From a model's numbers to the answer a user reads, one function per task. Loads no torch."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from auto_train.errors import BundleError
from auto_train.registry import recipes

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


def is_served(task: str) -> bool:
    """Tell whether it is known how a task's answers read."""
    return _answer_of(task) is not None


def answer_function(task: str) -> AnswerFunction:
    """Return the function for a task: one of ANSWERS, or ``answer`` in its recipe's custom_functions.py.

    Raises:
        BundleError: no such task is served.
    """
    if (found := _answer_of(task)) is None:
        raise BundleError(f"the model's task '{task}' cannot be served", allowed=", ".join(sorted(ANSWERS)))
    return found


def _answer_of(task: str) -> AnswerFunction | None:
    if task in ANSWERS or task not in (known := recipes()):
        return ANSWERS.get(task)
    return getattr(import_module(f"{known[task].package}.custom_functions"), "answer", None)
