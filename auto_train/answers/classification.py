"""The answer of a classifier."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from auto_train.answers.base import Answer, AnswerBody, ModelDescription, PlainForm, Share
from auto_train.answers.words import MAX_CLASSES, MIN_SHARE, Words, code_of, ranked, with_share

if TYPE_CHECKING:
    import numpy as np


class ClassificationAnswer(AnswerBody):
    """One class of several."""

    prediction: str = Field(description="the class name")
    confidence: str = Field("", description="as people read it, 97.31%")
    probabilities: dict[str, Share] = Field(description="of each class, 0 to 1")


class Form(PlainForm):
    """The likeliest class, and how likely each is."""

    Schema: ClassVar[type[AnswerBody]] = ClassificationAnswer

    def answer(self, probabilities: "np.ndarray", model: ModelDescription) -> Answer:
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

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Name the class, below a picture with those that come next."""
        first, bars = answer["prediction"], ranked(answer["probabilities"])
        others = [(name, share) for name, share in bars if name != first and share >= MIN_SHARE][: MAX_CLASSES - 1]
        return Words(
            lines=(
                (f"{first} {answer['confidence']}".strip(), code_of(first, labels)),
                *((with_share(name, share), code_of(name, labels)) for name, share in others),
            ),
            title=first,
            share=bars[0][1] if bars else None,
            bars=bars,
            caption="Likeliest classes",
        )
