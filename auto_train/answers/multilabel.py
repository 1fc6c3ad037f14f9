"""The answer of a model of label sets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from auto_train.answers.base import Answer, AnswerBody, ModelDescription, PlainForm, Share
from auto_train.answers.words import Words, code_of, ranked, with_share

if TYPE_CHECKING:
    import numpy as np

NO_LABEL = "none of the labels"


class MultilabelAnswer(AnswerBody):
    """Those labels whose probability reaches their threshold, the likeliest first."""

    labels: list[str] = Field(description="those that reach their threshold, the likeliest first")
    probabilities: dict[str, Share] = Field({}, description="of each label, 0 to 1")
    thresholds: dict[str, float] = Field({}, description="of each label")


class Form(PlainForm):
    """The labels that an image has, and how likely each is."""

    Schema: ClassVar[type[AnswerBody]] = MultilabelAnswer

    def answer(self, probabilities: "np.ndarray", model: ModelDescription) -> Answer:
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

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Name the labels, below a picture with their probabilities."""
        names, shares = answer["labels"], answer["probabilities"]
        return Words(
            lines=tuple((with_share(name, shares.get(name)), code_of(name, labels)) for name in names)
            or ((NO_LABEL, None),),
            title=", ".join(names) or NO_LABEL,
            bars=ranked(shares),
            caption="Likeliest labels",
        )
