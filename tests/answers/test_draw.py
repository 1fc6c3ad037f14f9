from typing import Any

import numpy as np
import pytest

from auto_train.answers.draw import draw_answer, number_text, words
from auto_train.data.draw import colour_of
from tests.data.test_draw import GREY, has

LABELS = ("cat", "dog", "sky")
NUMBERS = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"prediction": "dog", "confidence": "90.00%", "probabilities": {"cat": 0.095, "dog": 0.9, "sky": 0.005}},
            [("dog 90.00%", 1), ("cat 10%", 0)],
        ),
        ({"labels": ["sky", "cat"], "probabilities": {"sky": 0.8, "cat": 0.6}}, [("sky 80%", 2), ("cat 60%", 0)]),
        ({"labels": [], "probabilities": {"sky": 0.1}}, [("none of the labels", None)]),
        (
            {"values": {"width": {"value": 12.3, "low": 10.0, "high": 14.5, "unit": "mm"}}},
            [("width 12.3 (10 to 14.5) mm", None)],
        ),
        ({"prediction": "Katze"}, [("Katze", 3)]),
        ({"colour": "RED", "model": "m"}, [("colour: RED", None)]),
        ("RED", [("RED", None)]),
        (3, [("3", None)]),
    ],
)
def test_answer_about_the_whole_image_is_said_in_words(answer: Any, said: list[tuple[str, int | None]]) -> None:
    assert words(answer, LABELS) == said
    picture = draw_answer(GREY, NUMBERS, answer, LABELS)
    assert (picture[:480] == 200).all() and len(picture) > 480
    assert (draw_answer(GREY, NUMBERS, answer, LABELS, has_words=False) == GREY).all()


def test_boxes_are_drawn_in_the_colours_of_their_classes_and_counted_below() -> None:
    answer = {"boxes": [[10, 100, 60, 200], [300, 100, 400, 300]], "labels": ["dog", "sky"], "confidences": [0.9, 0.5]}
    picture = draw_answer(GREY, np.zeros((5, 6), np.float32), answer, LABELS)
    assert has(picture, colour_of(1))[150, 10] and has(picture, colour_of(2))[150, 300] and len(picture) > 480
    assert len(draw_answer(GREY, NUMBERS, answer, LABELS, has_words=False)) == 480


def test_nothing_found_is_said() -> None:
    answer = {"boxes": [], "labels": [], "confidences": []}
    picture = draw_answer(GREY, np.zeros((5, 6), np.float32), answer, LABELS)
    assert (picture[:480] == 200).all() and len(picture) > 480


def test_mask_is_drawn_with_its_legend() -> None:
    mask = np.zeros(GREY.shape[:2], np.uint8)
    mask[:, 300:] = 1
    picture = draw_answer(GREY, mask, {"areas": {}, "mask": {}}, ("background", "nucleus"))
    assert (picture[100, 100] == 200).all() and (picture[100, 400] != 200).any() and len(picture) > 480


@pytest.mark.parametrize("value", [1.5, "x", {"value": None}, {"value": 3, "low": None, "high": None, "unit": ""}])
def test_number_of_any_form_is_text(value: Any) -> None:
    assert isinstance(number_text(value), str)
