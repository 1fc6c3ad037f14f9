"""The contract of an answer: what a task says of an image, to programs and to people. Loads no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from auto_train.answers.words import MAX_PARTS, Words
from auto_train.bundle.golden import measure_difference

if TYPE_CHECKING:
    import numpy as np

Answer = dict[str, Any]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What an answer needs to know about the model that gave it.

    Args:
        task: name of the recipe, e.g. ``classification``.
        name: name of the project.
        labels: class names in the order of the outputs.
        facts: what else the task's answers are read with: thresholds, units.
    """

    task: str
    name: str
    labels: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


class AnswerBody(BaseModel):
    """The answer for one image, unless the INI's testing.postprocess makes another of it.

    A field with a default is in every answer; one that such a function has dropped is shown as the default.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=True, coerce_numbers_to_str=True)

    model: str = Field(description="name of the project")


class AnswerForm(Protocol):
    """How the answers of a task read: a class ``Form`` in ``auto_train/answers/<task>.py``.

    A recipe elsewhere has it in its ``answer.py``. ``words`` and ``draw`` get answers that fit ``Schema``, as JSON has
    them; what a postprocess function made otherwise is shown by :class:`PlainForm`.

    Attributes:
        Schema: the fields of an answer, each with its description: OpenAPI and ``schema prediction`` show them.
    """

    Schema: ClassVar[type[AnswerBody]]

    def answer(self, values: "np.ndarray", model: ModelDescription) -> Answer:
        """Return the answer for one image from the model's final numbers for it."""
        ...

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return how far the numbers (N, …) of two forms of a model are apart; 0: they are the same."""
        ...

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Return the answer for people to read."""
        ...

    def draw(
        self, image: "np.ndarray", values: "np.ndarray", answer: Mapping[str, Any], labels: Sequence[str]
    ) -> "np.ndarray":
        """Return the image (H, W, 3) uint8 with the answer drawn where it is; an answer without places: the same array.

        Args:
            values: the model's numbers that the answer was made from.
            labels: of the model, for the colours: ``auto_train/data/draw.py``.
        """
        ...


class PlainAnswer(AnswerBody):
    """The model's numbers."""

    values: Any = Field(description="the model's numbers, nested as its output is")


class PlainForm:
    """Numbers as they are: what a form inherits, and what shows an answer of unknown form."""

    Schema: ClassVar[type[AnswerBody]] = PlainAnswer

    def answer(self, values: "np.ndarray", model: ModelDescription) -> Answer:
        """Return the numbers as lists."""
        return {"values": values.tolist(), "model": model.name}

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return the largest difference between two numbers."""
        return measure_difference(expected, found)

    def words(self, answer: Any, labels: Sequence[str]) -> Words:
        """Return the first fields, each with its value."""
        if not isinstance(answer, Mapping):
            return Words(lines=((str(answer), None),))
        parts = list(answer.items())[:MAX_PARTS]
        return Words(lines=tuple((f"{key}: {value}", None) for key, value in parts if key != "model"))

    def draw(self, image: "np.ndarray", values: "np.ndarray", answer: Any, labels: Sequence[str]) -> "np.ndarray":
        """Return the image as it is."""
        return image
