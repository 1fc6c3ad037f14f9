import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from auto_train.errors import DataError
from auto_train.metrics.classification import expected_calibration_error
from auto_train.metrics.intervals import Statistics, differences, intervals, is_lower_better, mean_interval, wilson
from tests.reports.written import LABELS, predictions

SEVEN = [f"class {i}" for i in range(7)]


def statistics(table: pd.DataFrame, labels=LABELS) -> Statistics:
    return Statistics(table, labels, "accuracy")


@pytest.mark.parametrize("labels", [LABELS, SEVEN, ["used", "also used", "in no row"]])
def test_metrics_of_all_rows_are_those_of_scikit_learn(labels):
    table, _ = predictions(200, [label for label in labels if label != "in no row"])
    found = statistics(table, labels).all_rows()
    macro = precision_recall_fscore_support(table["label"], table["predicted"], average="macro", zero_division=0)
    assert [found[f"{name}_macro"] for name in ("precision", "recall", "f1")] == pytest.approx(macro[:3])
    assert found["accuracy"] == table["score"].mean() and found["loss"] == pytest.approx(table["loss"].mean())
    ece = expected_calibration_error(table["confidence"].to_numpy(), table["score"].to_numpy())
    assert found["ece"] == pytest.approx(ece)
    assert ("top5_accuracy" in found) == (len(labels) > 5)


def test_intervals_hold_the_value_and_are_the_same_every_time():
    table, _ = predictions(150)
    found = intervals(statistics(table), 150)
    assert found == intervals(statistics(table), 150)
    for name, value in statistics(table).all_rows().items():
        low, high = found[name]
        assert low <= value <= high and high - low > 0.005, name
        assert low >= 0 and (high <= 1 or name == "loss")


def test_interval_of_accuracy_holds_the_truth_as_often_as_it_says():
    # 300 samples of 200 rows, each right with a chance of 0.85: 95 % of the intervals should hold it.
    generator, hits = np.random.default_rng(1), 0
    for _ in range(300):
        table = pd.DataFrame({"score": (generator.random(200) < 0.85).astype(int)})
        low, high = intervals(statistics(table), 200)["accuracy"]
        hits += low <= 0.85 <= high
    assert 0.91 <= hits / 300 <= 0.98


@pytest.mark.parametrize("score", [0, 1])
def test_interval_where_all_rows_are_alike_is_wilsons(score: int):
    low, high = intervals(statistics(pd.DataFrame({"score": [score] * 50})), 50)["accuracy"]
    assert (low, high) == wilson(score, 50) and high - low > 0.05


def test_wilson_is_that_of_scipy():
    for hits, n in ((8, 10), (0, 20), (99, 100)):
        known = binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits / n, n) == pytest.approx((known.low, known.high))


def test_interval_of_a_mean_that_is_no_share_is_the_normal_one():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    low, high = mean_interval(values)
    assert (low + high) / 2 == pytest.approx(3) and high - 3 == pytest.approx(1.96 * values.std(ddof=1) / 2, rel=1e-3)
    assert mean_interval(np.array([2.5])) == (2.5, 2.5)


def test_difference_of_a_model_to_itself_is_zero():
    table, _ = predictions(80)
    found = differences(statistics(table), statistics(table), 80)
    assert {(row["difference"], row["low"], row["high"]) for row in found.values()} == {(0.0, 0.0, 0.0)}


def test_paired_interval_is_narrower_than_that_of_each_model():
    table, _ = predictions(200)
    better = table.copy()
    fixed = table.index[table["score"] == 0][:10]
    better.loc[fixed, "score"], better.loc[fixed, "predicted"] = 1, better.loc[fixed, "label"]
    change = differences(statistics(table), statistics(better), 200)["accuracy"]
    low, high = intervals(statistics(table), 200)["accuracy"]
    assert change["difference"] == pytest.approx(0.05) and 0 < change["low"] < 0.05 < change["high"]
    assert change["high"] - change["low"] < 0.7 * (high - low)


def test_hundred_thousand_rows_take_seconds():
    table, _ = predictions(100_000, SEVEN)
    start = time.perf_counter()
    found = intervals(statistics(table, SEVEN), 100_000)
    assert time.perf_counter() - start < 30 and 0 < found["accuracy"][1] - found["accuracy"][0] < 0.01


def test_class_that_the_model_does_not_know_is_named():
    table, _ = predictions(9)
    with pytest.raises(DataError, match=r"column label: 'owl' is no class of the model \(allowed: cat, dog\)"):
        statistics(table, ["cat", "dog"])


def test_direction_belongs_to_the_metric():
    assert is_lower_better("valid/ece") and is_lower_better("loss") and not is_lower_better("test/f1_macro")
