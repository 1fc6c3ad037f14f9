import numpy as np
import pytest
from sklearn import metrics as sk

from auto_train.metrics.intervals import intervals
from auto_train.metrics.masks import dices, ious, mask_metrics, mean_over_classes
from auto_train.metrics.measures import MaskMeasure, compute_metrics, measures_of


def found_of(true: np.ndarray, said: np.ndarray, num_classes: int) -> np.ndarray:
    """Return (N, C, 3) of masks (N, pixels)."""
    classes = np.arange(num_classes)[None, :, None]
    is_true, is_said = true[:, None] == classes, said[:, None] == classes
    return np.stack([(is_true & is_said).sum(axis=2), is_said.sum(axis=2), is_true.sum(axis=2)], axis=2)


def masks(num_classes: int, n: int = 8, pixels: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, num_classes, (n, pixels))
    return true, np.where(rng.random((n, pixels)) < 0.5, true, rng.integers(0, num_classes, (n, pixels)))


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_metrics_are_those_of_scikit_learn(num_classes: int):
    true, said = masks(num_classes)
    y, p = true.ravel(), said.ravel()
    found = mask_metrics(found_of(true, said, num_classes).sum(axis=0))
    assert found["miou"] == pytest.approx(sk.jaccard_score(y, p, average="macro"))
    # Dice is F1; all classes but the first.
    assert found["dice"] == pytest.approx(sk.f1_score(y, p, average=None)[1:].mean())
    assert found["pixel_accuracy"] == pytest.approx(sk.accuracy_score(y, p))


def test_classes_that_do_not_occur_count_in_no_mean():
    found = np.array([[[1, 1, 2], [2, 3, 2], [0, 0, 0]], [[1, 2, 1], [0, 0, 0], [0, 0, 1]]])
    assert ious(found)[0, :2] == pytest.approx([1 / 2, 2 / 3]) and np.isnan(ious(found)[0, 2])
    assert dices(found)[1, ::2] == pytest.approx([2 / 3, 0]) and np.isnan(dices(found)[1, 1])
    assert mean_over_classes(ious(found)) == pytest.approx([(1 / 2 + 2 / 3) / 2, (1 / 2 + 0) / 2])


def test_where_no_pixel_counts_nothing_is_said():
    nothing = np.zeros((4, 3, 3))
    assert all(np.isnan(value) for value in mask_metrics(nothing.sum(axis=0)).values())
    assert compute_metrics(MaskMeasure({"areas": nothing}, ["a", "b", "c"]), 4) == {}


def test_measure_of_draws_is_that_of_the_images_drawn():
    areas = found_of(*masks(3), 3)
    (measure,) = measures_of({"areas": areas}, ["a", "b", "c"])
    draws = np.array([[0, 0, 3, 7, 7, 7, 1, 2], np.arange(8)])
    for row, draw in enumerate(draws):
        for name, value in mask_metrics(areas[draw].sum(axis=0)).items():
            assert measure(draws)[name][row] == pytest.approx(value)


def test_intervals_hold_the_metrics_and_shrink_with_more_images():
    import pandas as pd

    from auto_train.metrics.intervals import Statistics

    ends = {}
    for n in (8, 100):
        areas = found_of(*masks(3, n), 3)
        table = pd.DataFrame({"score": mean_over_classes(ious(areas))})
        ends[n] = intervals(Statistics(table, ["a", "b", "c"], "image_iou", {"areas": areas}), n)
    for name, value in mask_metrics(areas.sum(axis=0)).items():
        assert ends[100][name][0] < value < ends[100][name][1]
        assert np.diff(ends[100][name]) < np.diff(ends[8][name])
