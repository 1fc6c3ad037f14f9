import json
from typing import Any

import numpy as np
import pytest

from auto_train.answers import answer_form
from auto_train.answers.draw import draw_answer
from auto_train.api.pages.answer_view import DRAWN_SIDE, PICTURE_SIDE, AnswerView, show_answer, thumbnail

PIXELS = np.full((60, 90, 3), 128, np.uint8)


def shown(task: str, answer: Any, values: np.ndarray = PIXELS[..., 0]) -> AnswerView:
    return show_answer(draw_answer(answer_form(task), PIXELS, values, answer, ("a", "b")))


@pytest.mark.parametrize("probabilities", [{"a": "high"}, {"a": 3.0}, {"a": None}, [0.5], 1])
def test_answer_without_probabilities_is_text(probabilities: object) -> None:
    found = shown("classification", {"prediction": "a", "confidence": "", "probabilities": probabilities})
    assert (found.classes, found.title) == ((), "")
    assert json.loads(found.text)["probabilities"] == probabilities


def test_answer_of_any_form_is_text() -> None:
    assert shown("classification", "RED").text == '"RED"'


def test_classes_are_ranked_with_the_share_of_the_first() -> None:
    answer = {"prediction": "b", "confidence": "80%", "probabilities": {"a": 0.2, "b": 0.8}}
    found = shown("classification", answer)
    assert (found.title, found.share, found.classes) == ("b", 0.8, (("b", 0.8), ("a", 0.2)))
    assert not found.is_drawn and not found.text


@pytest.mark.parametrize(("labels", "title"), [(["sky", "sea"], "sky, sea"), ([], "none of the labels")])
def test_labels_are_the_title_over_all_probabilities(labels: list[str], title: str) -> None:
    probabilities = {"sea": 0.6, "sky": 0.9, "dog": 0.1}
    found = shown("multilabel", {"labels": labels, "probabilities": probabilities, "thresholds": {}})
    assert (found.title, found.share, found.classes[0]) == (title, None, ("sky", 0.9))


@pytest.mark.parametrize(
    ("labels", "title", "rows"),
    [
        (["cat", "dog", "cat"], "3 objects", (("cat", "2"), ("dog", "1"))),
        (["cat"], "1 object", (("cat", "1"),)),
        ([], "Nothing found", ()),
    ],
)
def test_objects_are_counted_by_class(labels: list[str], title: str, rows: tuple[tuple[str, str], ...]) -> None:
    boxes = [[1, 2, 3, 4]] * len(labels)
    found = shown("object_detection", {"boxes": boxes, "labels": labels, "confidences": [0.5] * len(labels)})
    assert (found.title, found.rows, found.text, found.is_drawn) == (title, rows, "", True)


def test_areas_are_shares_of_the_image() -> None:
    found = shown("segmentation", {"areas": {"road": 0.7, "car": 0.3}, "mask": {}}, np.zeros((60, 90), np.uint8))
    assert found.classes == (("road", 0.7), ("car", 0.3)) and found.caption == "Shares of the image"
    assert found.is_drawn and found.title == ""


def test_numbers_have_interval_and_unit() -> None:
    value = {"value": 12.34, "low": 10.0, "high": 14.9, "unit": "mm"}
    found = shown("regression", {"values": {"width": value, "count": {**value, "unit": ""}}, "interval": 0.9})
    assert found.rows == (("width", "12.34 (10 to 14.9) mm"), ("count", "12.34 (10 to 14.9)"))


def test_thumbnail_is_small_and_tiny_images_keep_their_pixels() -> None:
    large, is_tiny = thumbnail(np.full((2000, 3000, 3), 99, np.uint8), PICTURE_SIDE)
    assert len(large) < 5000 and not is_tiny
    assert thumbnail(np.zeros((28, 28, 3), np.uint8), DRAWN_SIDE)[1]
