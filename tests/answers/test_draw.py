from typing import Any

import numpy as np
import pytest

from auto_train.answers import PlainForm, answer_form
from auto_train.answers.draw import Picture, draw_answer, fits
from auto_train.data.draw import colour_of
from tests.data.test_draw import GREY, has

LABELS = ("cat", "dog", "sky")
NUMBERS = np.zeros(3, np.float32)
WIDTH = {"value": 12.3, "low": 10.0, "high": 14.5, "unit": "mm"}


def drawn(task: str, answer: Any, values: np.ndarray = NUMBERS, labels: tuple[str, ...] = LABELS) -> Picture:
    return draw_answer(answer_form(task), GREY, values, answer, labels)


@pytest.mark.parametrize(
    ("task", "answer", "lines"),
    [
        (
            "classification",
            {"prediction": "dog", "confidence": "90.00%", "probabilities": {"cat": 0.095, "dog": 0.9, "sky": 0.005}},
            [("dog 90.00%", 1), ("cat 10%", 0)],
        ),
        (
            "multilabel",
            {"labels": ["sky", "cat"], "probabilities": {"sky": 0.8, "cat": 0.6}, "thresholds": {}},
            [("sky 80%", 2), ("cat 60%", 0)],
        ),
        ("multilabel", {"labels": [], "probabilities": {"sky": 0.1}, "thresholds": {}}, [("none of the labels", None)]),
        ("regression", {"values": {"width": WIDTH}, "interval": 0.9}, [("width 12.3 (10 to 14.5) mm", None)]),
        ("regression", {"values": {"n": {**WIDTH, "low": None, "unit": ""}}, "interval": 0.9}, [("n 12.3", None)]),
    ],
)
def test_answer_about_the_whole_image_is_said_in_words(task: str, answer: Any, lines: list[Any]) -> None:
    shown = drawn(task, answer)
    assert list(shown.words.lines) == lines and shown.answer is answer
    assert not shown.is_drawn and (shown.pixels == GREY).all()
    picture = shown.with_words()
    assert (picture[:480] == 200).all() and len(picture) > 480


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ({"prediction": "Katze"}, [("prediction: Katze", None)]),
        ({"colour": "RED", "model": "m"}, [("colour: RED", None)]),
        ({"boxes": [[1, 2, 3]], "labels": ["a"], "confidences": [0.5], "n": 1}, None),
        ({"boxes": [[1, 2, 3, 4]], "labels": ["a", "b"], "confidences": [0.5]}, None),
        ("RED", [("RED", None)]),
        (np.float32(3), [("3.0", None)]),
        (None, [("None", None)]),
    ],
)
def test_answer_that_a_function_gave_another_form_is_shown_plainly(answer: Any, lines: list[Any] | None) -> None:
    for task in ("classification", "object_detection", "segmentation"):
        shown = drawn(task, answer, np.zeros(GREY.shape[:2], np.uint8))
        assert lines is None or list(shown.words.lines) == lines
        assert not shown.is_drawn and not shown.words.title and len(shown.with_words()) > 480


def test_boxes_are_drawn_in_the_colours_of_their_classes_and_counted_below() -> None:
    answer = {"boxes": [[10, 100, 60, 200], [300, 100, 400, 300]], "labels": ["dog", "sky"], "confidences": [0.9, 0.5]}
    as_arrays = {**answer, "boxes": np.array(answer["boxes"]), "confidences": np.float32(answer["confidences"])}
    for form in (answer, as_arrays):
        shown = drawn("object_detection", form)
        picture = shown.with_words()
        assert has(picture, colour_of(1))[150, 10] and has(picture, colour_of(2))[150, 300] and len(picture) > 480
        assert shown.is_drawn and len(shown.pixels) == 480


def test_nothing_found_is_said() -> None:
    picture = drawn("object_detection", {"boxes": [], "labels": [], "confidences": []}).with_words()
    assert (picture[:480] == 200).all() and len(picture) > 480


def test_mask_is_drawn_with_its_legend() -> None:
    mask = np.zeros(GREY.shape[:2], np.uint8)
    mask[:, 300:] = 1
    picture = drawn("segmentation", {"areas": {}, "mask": {}}, mask, ("background", "nucleus")).with_words()
    assert (picture[100, 100] == 200).all() and (picture[100, 400] != 200).any() and len(picture) > 480


def test_plain_form_fits_its_own_answer_and_no_other() -> None:
    assert fits(PlainForm.Schema, {"values": [1.0]})
    assert not fits(PlainForm.Schema, {"numbers": [1.0]}) and not fits(PlainForm.Schema, [1.0])
