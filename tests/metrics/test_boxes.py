import numpy as np
import pytest

from auto_train.metrics.boxes import IOUS, BoxMeasure
from auto_train.metrics.measures import compute_metrics, measures_of


def arrays(hits: list[list[int]], there: list[int]) -> dict[str, np.ndarray]:
    """Return arrays of one class: what was found in each image, falling in confidence, and how many boxes are there."""
    at_half = np.array(hits, np.int8)
    scores = np.linspace(0.9, 0.1, at_half.size).reshape(at_half.shape, order="F").astype(np.float32)
    return {
        # Right at IoU 0.5 only.
        "hits": np.where(np.arange(len(IOUS)) == 0, at_half[..., None], np.minimum(at_half[..., None], 0)),
        "scores": scores,
        "codes": np.zeros(at_half.shape, np.int32),
        "is_listed": scores > 0.5,
        "there": np.array(there)[:, None],
    }


def test_average_precision_is_the_mean_of_101_recalls():
    # Right, wrong, right of two: precision 1 up to a recall of a half, then two thirds.
    found = compute_metrics(BoxMeasure(arrays([[1, 0, 1]], [2]), ["cell"]), 1)
    assert found["map_50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert found["map_50_95"] == pytest.approx(found["map_50"] / 10) and found["map_75"] == 0


def test_precision_and_recall_count_what_is_listed():
    # Of 0.9, 0.5 and 0.1 one is above 0.5.
    found = compute_metrics(BoxMeasure(arrays([[1, 0, 1]], [4]), ["cell"]), 1)
    assert (found["precision"], found["recall"]) == (1, 0.25)


def test_boxes_that_do_not_count_change_nothing():
    with_crowd, without = arrays([[1, -1, 0]], [2]), arrays([[1, 0]], [2])
    without["scores"][:] = with_crowd["scores"][:, [0, 2]]
    names = ["map_50_95", "map_50", "map_75"]
    both = [compute_metrics(BoxMeasure(one, ["cell"]), 1) for one in (with_crowd, without)]
    assert [both[0][name] for name in names] == [both[1][name] for name in names]


def test_classes_without_a_box_are_left_out_and_nothing_at_all_has_no_number():
    two = {**arrays([[1]], [1]), "there": np.array([[1, 0]])}
    assert compute_metrics(BoxMeasure(two, ["cell", "other"]), 1)["map_50"] == 1
    assert set(compute_metrics(BoxMeasure(arrays([[0]], [0]), ["cell"]), 1)) == {"precision"}


def test_images_drawn_twice_count_twice():
    measure = BoxMeasure(arrays([[1], [0], [0]], [1, 1, 0]), ["cell"])
    draws = np.array([[0, 0, 0], [1, 1, 2], [0, 0, 1]])
    assert measure(draws)["map_50"] == pytest.approx([1, 0, 67 / 101])
    assert measure(draws)["recall"] == pytest.approx([1, 0, 2 / 3])


def test_arrays_of_boxes_are_told_from_those_of_other_tasks():
    assert isinstance(measures_of(arrays([[1]], [1]), ["cell"])[0], BoxMeasure)
