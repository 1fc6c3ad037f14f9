import warnings

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, mean_absolute_error, r2_score, root_mean_squared_error

from auto_train.metrics.measures import (
    MAX_NAMED,
    LabelSetMeasure,
    NumberMeasure,
    compute_metrics,
    count_draws,
    measures_of,
    name_metric,
)

NAMES = ["cat", "dog", "owl", "yak"]


def label_sets(n: int = 120, *, seed: int = 0, ties: bool = False) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.random((n, len(NAMES))) < (0.6, 0.3, 0.1, 0.02)
    truth[:2, 3] = True
    scores = np.clip(0.5 * truth + generator.random(truth.shape) * 0.7, 0, 1)
    scores = scores.round(1) if ties else scores
    return {"truth": truth.astype(np.uint8), "probabilities": scores, "said": (scores >= 0.5).astype(np.uint8)}


def numbers(n: int = 80, columns: int = 2) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    truth = generator.normal([100, -3, 1e6][:columns], [10, 1, 5][:columns], (n, columns))
    values = truth + generator.normal(0, 1, truth.shape)
    return {"truth": truth, "values": values, "is_inside": (abs(values - truth) < 1).astype(np.uint8)}


def known(arrays: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, float]:
    """Return what scikit-learn says of some rows."""
    truth, said, scores = (arrays[name][rows] for name in ("truth", "said", "probabilities"))
    present = truth.any(axis=0)
    occurs = present | said.any(axis=0)
    each = [average_precision_score(truth[:, c], scores[:, c]) for c in np.flatnonzero(present)]
    return {
        "map": float(np.mean(each)),
        "f1_micro": f1_score(truth, said, average="micro", zero_division=0),
        "f1_macro": f1_score(truth[:, occurs], said[:, occurs], average="macro", zero_division=0),
    }


@pytest.mark.parametrize("ties", [False, True])
def test_label_sets_have_the_values_of_scikit_learn(ties: bool):
    arrays = label_sets(ties=ties)
    found = compute_metrics(LabelSetMeasure(arrays, NAMES), 120)
    assert {name: found[name] for name in ("map", "f1_micro", "f1_macro")} == pytest.approx(
        known(arrays, np.arange(120))
    )
    assert found["ap_dog"] == pytest.approx(
        average_precision_score(arrays["truth"][:, 1], arrays["probabilities"][:, 1])
    )


def test_label_sets_of_draws_are_those_of_the_rows_drawn():
    arrays, measure = label_sets(ties=True), LabelSetMeasure(label_sets(ties=True), NAMES)
    draws = np.random.default_rng(3).integers(0, 120, (8, 120))
    found = measure(draws)
    for i, rows in enumerate(draws):
        assert {name: found[name][i] for name in ("map", "f1_micro", "f1_macro")} == pytest.approx(known(arrays, rows))


def test_label_that_no_image_has_has_no_average_precision():
    arrays = label_sets()
    arrays["truth"][:, 3] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute_metrics(LabelSetMeasure(arrays, NAMES), 120)
    assert "ap_yak" not in found and found["map"] == pytest.approx(known(arrays, np.arange(120))["map"])


def test_images_without_any_label_or_answer_can_be_measured():
    nothing = np.zeros((5, 2), np.uint8)
    found = compute_metrics(
        LabelSetMeasure({"truth": nothing, "said": nothing, "probabilities": nothing + 0.1}, ["a", "b"]), 5
    )
    assert found == {"f1_micro": 0.0, "f1_macro": 0.0}


def test_constant_scores_reach_the_share_of_the_label():
    truth = (np.arange(50) < 15)[:, None]
    found = compute_metrics(
        LabelSetMeasure({"truth": truth, "said": truth, "probabilities": np.full((50, 1), 0.4)}, ["a"]), 50
    )
    assert found["map"] == pytest.approx(0.3)


def test_many_labels_are_not_named_one_by_one():
    labels = [f"label {i}" for i in range(MAX_NAMED + 1)]
    truth = np.random.default_rng(0).random((30, len(labels))) < 0.5
    found = compute_metrics(LabelSetMeasure({"truth": truth, "said": truth, "probabilities": truth + 0.0}, labels), 30)
    assert set(found) == {"map", "f1_micro", "f1_macro"} and found["map"] == 1


def test_numbers_have_the_values_of_scikit_learn():
    arrays = numbers(columns=3)
    found = compute_metrics(NumberMeasure(arrays, ["a", "b/c", "far away"]), 80)
    truth, values = arrays["truth"], arrays["values"]
    for i, name in enumerate(["a", "b_c", "far_away"]):
        assert found[f"mae_{name}"] == pytest.approx(mean_absolute_error(truth[:, i], values[:, i]))
        assert found[f"rmse_{name}"] == pytest.approx(root_mean_squared_error(truth[:, i], values[:, i]))
        assert found[f"r2_{name}"] == pytest.approx(r2_score(truth[:, i], values[:, i]))
        assert found[f"coverage_{name}"] == pytest.approx(arrays["is_inside"][:, i].mean())
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, values))
    assert found["r2"] == pytest.approx(r2_score(truth, values))


def test_numbers_of_one_column_have_plain_names():
    found = compute_metrics(NumberMeasure(numbers(columns=1), ["age"]), 80)
    assert set(found) == {"mae", "rmse", "r2", "coverage"}


def test_numbers_of_draws_are_those_of_the_rows_drawn():
    arrays = numbers()
    draws = np.random.default_rng(3).integers(0, 80, (5, 80))
    found = NumberMeasure(arrays, ["a", "b"])(draws)
    for i, rows in enumerate(draws):
        part = NumberMeasure({name: values[rows] for name, values in arrays.items()}, ["a", "b"])
        assert {name: values[i] for name, values in found.items()} == pytest.approx(compute_metrics(part, 80))


def test_rows_that_are_all_alike_have_no_r2():
    arrays = numbers(columns=1)
    found = NumberMeasure(arrays, ["a"])(np.full((1, 80), 7))
    assert np.isnan(found["r2"][0]) and found["mae"][0] == pytest.approx(abs(arrays["values"] - arrays["truth"])[7, 0])


def test_counts_say_how_often_each_row_was_drawn():
    assert count_draws(np.array([[0, 0, 2], [1, 2, 1]]), 3).tolist() == [[2, 0, 1], [0, 2, 1]]


def test_arrays_of_another_kind_have_no_measure():
    assert measures_of({"log_probabilities": np.zeros((2, 2))}, ["a", "b"]) == []
    assert name_metric("ap", "red / blue") == "ap_red___blue"
