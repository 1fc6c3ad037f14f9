import numpy as np
import pytest

from auto_train.metrics.conformal import cross_conformal_coverage, fewest_residuals, margins


def test_margin_is_the_residual_of_the_finite_sample_rank():
    # 19 residuals at 0.9: the ceil(20 · 0.9) = 18th smallest
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))[:, None] * [1, 10]
    assert margins(residuals, 0.9).tolist() == [18, 180]


def test_too_few_residuals_give_the_largest():
    assert fewest_residuals(0.9) == 9 and fewest_residuals(0.5) == 1 and fewest_residuals(0.99) == 99
    assert margins(np.arange(1.0, 10.0)[:, None], 0.9) == [9]  # the 9th of 9: just enough
    assert margins(np.arange(1.0, 6.0)[:, None], 0.9) == [5]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_intervals_hold_new_values_as_often_as_they_say(level: float):
    # The coverage of split conformal lies between the level and level + 1 / (n + 1), the mean over many sets of 60.
    generator = np.random.default_rng(1)
    errors = abs(generator.standard_t(3, (1500, 61)))
    held = np.mean([row[60] <= margins(row[:60, None], level)[0] for row in errors])
    assert level - 0.025 < held < level + 1 / 61 + 0.025


def test_coverage_of_the_rows_themselves_is_measured_by_the_other_half():
    residuals = abs(np.random.default_rng(2).normal(size=(400, 3)))
    found = cross_conformal_coverage(residuals, 0.9)
    assert found.shape == (400, 3) and abs(found.mean() - 0.9) < 0.04
    # Every other row far off: the half that holds them is not held by the other one.
    residuals[::2] += 100
    assert (
        not cross_conformal_coverage(residuals, 0.9)[::2].any() and cross_conformal_coverage(residuals, 0.9)[1::2].all()
    )


def test_one_row_alone_cannot_be_measured():
    assert cross_conformal_coverage(np.ones((1, 2)), 0.9).tolist() == [[True, True]]
