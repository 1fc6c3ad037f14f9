import json

import numpy as np
import pytest

from auto_train.api.pages.answer_view import DRAWN_SIDE, PICTURE_SIDE, show_answer, thumbnail

PIXELS = np.full((60, 90, 3), 128, np.uint8)


@pytest.mark.parametrize("probabilities", [{"a": "high"}, {"a": 3.0}, {"a": None}, [0.5], 1, {}])
def test_answer_without_probabilities_is_text(probabilities: object) -> None:
    shown = show_answer({"prediction": ["a"], "probabilities": probabilities}, PIXELS)
    assert shown.classes == ()
    assert shown.title == '["a"]'
    assert json.loads(shown.text)["probabilities"] == probabilities


def test_answer_of_any_form_is_text() -> None:
    assert show_answer("RED", PIXELS).text == '"RED"'


def test_classes_are_ranked_with_the_share_of_the_first() -> None:
    shown = show_answer({"prediction": "b", "probabilities": {"a": 0.2, "b": 0.8}}, PIXELS)
    assert (shown.title, shown.share, shown.classes) == ("b", 0.8, (("b", 0.8), ("a", 0.2)))
    assert not shown.is_drawn and not shown.text


@pytest.mark.parametrize(("labels", "title"), [(["sky", "sea"], "sky, sea"), ([], "none of the labels")])
def test_labels_are_the_title_over_all_probabilities(labels: list[str], title: str) -> None:
    probabilities = {"sea": 0.6, "sky": 0.9, "dog": 0.1}
    shown = show_answer({"labels": labels, "probabilities": probabilities, "thresholds": {}}, PIXELS)
    assert (shown.title, shown.share, shown.classes[0]) == (title, None, ("sky", 0.9))


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
    shown = show_answer({"boxes": boxes, "labels": labels, "confidences": [0.5] * len(labels)}, PIXELS)
    assert (shown.title, shown.rows, shown.text, shown.is_drawn) == (title, rows, "", True)


def test_areas_are_shares_of_the_image() -> None:
    shown = show_answer({"areas": {"road": 0.7, "car": 0.3}, "mask": {}}, PIXELS)
    assert shown.classes == (("road", 0.7), ("car", 0.3)) and shown.caption == "Shares of the image"
    assert shown.is_drawn and shown.title == ""


def test_numbers_have_interval_and_unit() -> None:
    value = {"value": 12.34, "low": 10.0, "high": 14.9, "unit": "mm"}
    shown = show_answer({"values": {"width": value, "count": {**value, "unit": ""}}, "interval": 0.9}, PIXELS)
    assert shown.rows == (("width", "12.34 (10 to 14.9) mm"), ("count", "12.34 (10 to 14.9)"))


def test_thumbnail_is_small_and_tiny_images_keep_their_pixels() -> None:
    large, is_tiny = thumbnail(np.full((2000, 3000, 3), 99, np.uint8), PICTURE_SIDE)
    assert len(large) < 5000 and not is_tiny
    assert thumbnail(np.zeros((28, 28, 3), np.uint8), DRAWN_SIDE)[1]
