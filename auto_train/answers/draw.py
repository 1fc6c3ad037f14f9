"""An answer drawn on its image, for people to look at and to show around. Loads no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from auto_train.answers.base import AnswerBody, AnswerForm, PlainForm
from auto_train.answers.words import Words
from auto_train.types import as_plain

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An answer on its image.

    Attributes:
        answer: as the user gets it.
        pixels: (H, W, 3) uint8, the image with the answer drawn where it is.
        words: the answer for people to read.
        is_drawn: something is drawn on the image.
    """

    answer: Any
    pixels: "np.ndarray"
    words: Words
    is_drawn: bool

    def with_words(self) -> "np.ndarray":
        """Return the picture with what is said of the whole image below it."""
        from auto_train.data.draw import draw_words

        return draw_words(self.pixels, self.words.lines) if self.words.lines else self.pixels


def draw_answer(
    form: AnswerForm, image: "np.ndarray", values: "np.ndarray", answer: Any, labels: Sequence[str]
) -> Picture:
    """Return a picture of an image (H, W, 3) uint8 with what a model says about it.

    Args:
        form: of the model's task.
        values: the model's answer as numbers.
        answer: the same as the user gets it; one of another form, made by a function of their own, is shown plainly.
        labels: of the model, for the colours.
    """
    plain = as_plain(answer)
    if (fitted := fit(form.Schema, plain)) is not None:
        plain = fitted
    shown_by = form if fitted is not None else PlainForm()
    pixels, words = shown_by.draw(image, values, plain, labels), shown_by.words(plain, labels)
    return Picture(answer=answer, pixels=pixels, words=words, is_drawn=pixels is not image)


def fit(schema: type[AnswerBody], answer: Any) -> dict[str, Any] | None:
    """Return an answer with every field of a schema; others stay. None: it does not fit.

    Args:
        answer: as JSON has it; the model's name and fields with a default may be missing.
    """
    if not isinstance(answer, Mapping):
        return None
    try:
        return {**answer, **schema.model_validate({"model": "", **answer}).model_dump()}
    except ValidationError:
        return None
