import numpy as np
import pytest
import torch

from auto_train.answers import ModelDescription
from auto_train.answers.object_detection import Form
from auto_train.models.detection.nms import select_boxes

FORM = Form()
MODEL = ModelDescription(task="object_detection", name="cells", labels=("RBC", "WBC"), facts={"threshold": 0.4})
ROWS = np.float32(
    [[10.123, 20.456, 110, 220.5, 0.9, 1], [5, 6, 70, 80, 0.6, 0], [300, 6, 370, 80, 0.3, 0], [0, 0, 0, 0, 0, 0]]
)


def test_answer_lists_the_boxes_above_the_threshold():
    found = FORM.answer(ROWS, MODEL)
    assert list(found) == ["boxes", "labels", "confidences", "model"]
    assert found["boxes"] == [[10.12, 20.46, 110.0, 220.5], [5.0, 6.0, 70.0, 80.0]]
    assert (found["labels"], found["model"]) == (["WBC", "RBC"], "cells")
    assert found["confidences"] == pytest.approx([0.9, 0.6])


def test_answer_without_boxes_is_empty():
    found = FORM.answer(np.zeros((4, 6), np.float32), MODEL)
    assert (found["boxes"], found["labels"], found["confidences"]) == ([], [], [])


def test_answers_are_the_same_in_another_order():
    assert FORM.difference(ROWS[None], ROWS[None]) == 0
    assert FORM.difference(ROWS[None], ROWS[None, [1, 0, 2, 3]]) == 0


def test_answers_differ_by_what_a_box_has_moved_or_its_confidence_has_changed():
    moved, doubted = ROWS.copy(), ROWS.copy()
    moved[0, 0] += 37  # of a largest coordinate of 370
    doubted[1, 4] -= 0.2
    assert FORM.difference(ROWS[None], moved[None]) == pytest.approx(0.1, abs=1e-6)
    assert FORM.difference(ROWS[None], doubted[None]) == pytest.approx(0.2, abs=1e-6)


def test_answers_differ_by_a_box_that_only_one_has():
    fewer = ROWS.copy()
    fewer[1] = 0
    assert FORM.difference(ROWS[None], fewer[None]) >= 0.1 and FORM.difference(fewer[None], ROWS[None]) >= 0.1
    other = ROWS.copy()
    other[1, 5] = 1
    assert FORM.difference(ROWS[None], other[None]) >= 0.1


def test_the_least_confident_row_of_a_full_answer_may_be_another():
    full = np.concatenate([ROWS[:3], [[1, 2, 3, 4, 0.2, 0]]]).astype(np.float32)
    other = full.copy()
    other[3] = [100, 200, 300, 400, 0.2001, 1]
    assert FORM.difference(full[None], other[None]) < 1e-3


def suppressed(scores: list[float]) -> np.ndarray:
    """Return what suppression leaves of 20 boxes apart from each other and three in a row that overlap by 0.67."""
    apart = [[100.0 * i, 0.0, 100.0 * i + 50, 50.0] for i in range(20)]
    row = [[0.0, 200.0, 100.0, 300.0], [20.0, 200.0, 120.0, 300.0], [40.0, 200.0, 140.0, 300.0]]
    confidences = torch.tensor([*(0.9 - 0.01 * i for i in range(20)), *scores])
    order = confidences.argsort(descending=True, stable=True)
    boxes = torch.tensor(apart + row)[order][None]
    found = select_boxes(boxes, confidences[order][None], torch.zeros(1, 23), overlap=0.6)
    return found.numpy()


def test_answers_may_differ_in_which_of_two_equally_sure_boxes_of_a_thing_is_kept():
    """The first suppresses the second alone, the second both others: a last digit moves one box and drops another."""
    first, second = suppressed([0.5, 0.499999, 0.3]), suppressed([0.499999, 0.5, 0.3])
    assert [len(np.flatnonzero(one[0, :, 4])) for one in (first, second)] == [22, 21]
    assert FORM.difference(first, second) < 1e-4 and FORM.difference(second, first) < 1e-4
    # of a few boxes every one counts, and one that is surer is no matter of a last digit
    assert FORM.difference(first[:, 18:], second[:, 18:]) > 0.01
    assert FORM.difference(first, suppressed([0.5, 0.6, 0.3])) > 0.01


def test_answers_differ_where_all_boxes_have_moved_a_little():
    moved = suppressed([0.5, 0.4, 0.3])
    moved[..., :4] += 1.0  # of 1950
    assert FORM.difference(suppressed([0.5, 0.4, 0.3]), moved) == pytest.approx(1 / 1950, rel=1e-3)


def test_answers_with_nan_never_pass():
    broken = ROWS.copy()
    broken[3, 0] = np.nan
    assert np.isnan(FORM.difference(ROWS[None], broken[None])) and np.isnan(FORM.difference(broken[None], ROWS[None]))
