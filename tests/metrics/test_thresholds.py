import numpy as np
import pytest
from sklearn.metrics import f1_score

from auto_train.metrics.thresholds import FEWEST, USUAL, find_best_thresholds


def drawn(n: int, share: float, *, shift: float = 1.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and truth (n, 1) of a label that a model tells from the others with some errors."""
    generator = np.random.default_rng(seed)
    truth = generator.random(n) < share
    logits = generator.normal(np.where(truth, shift, -shift) - 2, 1.2)
    return (1 / (1 + np.exp(-logits)))[:, None], truth[:, None]


def test_threshold_is_better_than_a_half_on_images_it_has_not_seen():
    [threshold], rare = find_best_thresholds(*drawn(400, 0.2))
    probabilities, truth = drawn(4000, 0.2, seed=1)
    assert not rare and threshold < USUAL
    found, usual = (f1_score(truth, probabilities >= at) for at in (threshold, USUAL))
    best = max(f1_score(truth, probabilities >= at) for at in np.linspace(0.02, 0.98, 97))
    assert found > usual + 0.05 and found > best - 0.03


def test_labels_that_separate_are_cut_between_both_sides():
    truth = np.arange(60)[:, None] < 20
    probabilities = np.where(truth, 0.3, 0.1)
    assert find_best_thresholds(probabilities, truth) == ([pytest.approx(0.2)], [])


def test_label_that_is_told_from_nothing_is_always_said():
    # F1 is best then, as long as it is in half of the images or more.
    truth = np.arange(40)[:, None] % 4 > 0
    [threshold], _ = find_best_thresholds(np.full((40, 1), 0.7), truth)
    assert threshold == pytest.approx(0.35)


def test_labels_of_few_images_keep_the_usual_threshold():
    truth = np.zeros((50, 3), bool)
    truth[: FEWEST - 1, 0], truth[: 50 - FEWEST + 1, 1], truth[:25, 2] = True, True, True
    thresholds, rare = find_best_thresholds(np.where(truth, 0.2, 0.1), truth)
    assert rare == [0, 1] and thresholds[:2] == [USUAL, USUAL] and thresholds[2] == pytest.approx(0.15)
