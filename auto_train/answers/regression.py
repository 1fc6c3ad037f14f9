"""The answer of a regression."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from auto_train.answers.base import Answer, AnswerBody, ModelDescription, PlainForm
from auto_train.answers.words import Words

if TYPE_CHECKING:
    import numpy as np


class Number(BaseModel):
    """A number, and the interval that holds the true one for most images."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""


class RegressionAnswer(AnswerBody):
    """A number for each column; ``interval`` is the share of images whose true number the intervals hold."""

    values: dict[str, Number] = Field(description="by column")
    interval: float = Field(0.0, description="share of images whose true value is from low to high")


class Form(PlainForm):
    """Numbers with their intervals and units."""

    Schema: ClassVar[type[AnswerBody]] = RegressionAnswer

    def answer(self, values: "np.ndarray", model: ModelDescription) -> Answer:
        """Give the number of each column, with its interval and unit.

        Args:
            values: (K, 3) float32: value, lower and upper end of the interval, in the columns' units.
            model: its facts are ``units``, one for each column, and ``interval``, the share of images whose true value
                the intervals are made to hold.
        """
        columns = zip(model.labels, values.tolist(), model.facts["units"], strict=True)
        return {
            "values": {
                name: {"value": value, "low": low, "high": high, "unit": unit}
                for name, (value, low, high), unit in columns
            },
            "interval": float(model.facts["interval"]),
            "model": model.name,
        }

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return the largest difference of answers (N, K, 3), in widths of their intervals.

        Columns have units of their own: what is nothing in one is everything in another. Where an interval has hardly
        any width, a thousandth of the number stands for it: float32 holds seven digits.
        """
        import numpy as np

        expected, found = expected.astype(float), found.astype(float)
        width = expected[..., 2:] - expected[..., 1:2]
        scale = np.maximum(width, 1e-3 * np.abs(expected).max(axis=-1, keepdims=True))
        return float((np.abs(found - expected) / np.maximum(scale, np.finfo(float).tiny)).max(initial=0.0))

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Give the numbers with intervals and units."""
        rows = tuple((name, number_text(number)) for name, number in answer["values"].items())
        return Words(lines=tuple((f"{name} {text}", None) for name, text in rows), rows=rows)


def number_text(number: Mapping[str, Any]) -> str:
    """Return a number with its interval and unit: ``12.3 (10.1 to 14.9) mm``."""
    low, high, unit = number["low"], number["high"], number["unit"]
    interval = f" ({low:.4g} to {high:.4g})" if low is not None and high is not None else ""
    return f"{number['value']:.4g}{interval}" + (f" {unit}" if unit else "")
