"""Reports of tasks with more than one class for an image: label sets and numbers, from the files they leave."""

import json
from pathlib import Path

import numpy as np
import pytest

from auto_train.errors import DataError
from auto_train.metrics.intervals import Statistics, intervals, is_lower_better
from auto_train.reports.compare import compare_runs
from auto_train.reports.report import build_report
from tests.reports.written import change_json, predictions, write_run

NAMES = ["age", "height"]


def numbers_run(path: Path, error: float, *, columns: int = 2, n: int = 60) -> Path:
    """Write a run of regression whose errors are as large, with the arrays a report takes its intervals from."""
    generator = np.random.default_rng(1)
    truth = np.cumsum(generator.random((n, columns)), axis=0)
    values = truth + error * generator.normal(size=truth.shape)
    table, _ = predictions(n)
    table = table.drop(columns=["predicted", "confidence", "uncalibrated", "loss", "rank"])
    table = table.assign(label=[f"{row[0]:.2f}" for row in truth], answer=[f"{row[0]:.2f} years" for row in values])
    table["score"] = abs(values - truth).mean(axis=1)
    run = write_run(path, table.assign(loss=0.0), labels=NAMES[:columns])
    table.to_csv(run / "predictions/valid.csv", index=False)
    arrays = {"truth": truth, "values": values, "is_inside": abs(values - truth) < error}
    np.savez(run / "predictions/valid.npz", rows=np.arange(n), **arrays)
    evaluation = json.loads((run / "evaluation.json").read_text())
    split = evaluation["splits"]["valid"] | {"metrics": {"nmae": 1.0, "mae": 1.0, "r2": 0.9, "mae_age": 1.0}}
    score = {"name": "nmae", "better": "min"}
    change_json(run / "evaluation.json", task="regression", label_noun="columns", score=score, splits={"valid": split})
    return run


def test_report_of_numbers_has_their_intervals_and_answers(tmp_path: Path):
    run = numbers_run(tmp_path / "run", 0.5)
    report = build_report(run)
    assert set(report["intervals"]) == {"valid/nmae", "valid/mae", "valid/r2", "valid/mae_age"}
    assert all(ends["low"] < ends["high"] for ends in report["intervals"].values())
    said = report["splits"]["valid"]
    assert "classes" not in said and said["mistakes"][0]["answer"].endswith("years")
    scores = [row["score"] for row in said["mistakes"]]
    assert scores == sorted(scores, reverse=True)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "2 columns" in page and "The worst answers first, by nmae" in page


def test_arrays_of_a_part_of_the_rows_give_no_intervals(tmp_path: Path):
    run = numbers_run(tmp_path / "run", 0.5)
    with np.load(run / "predictions/valid.npz") as file:
        part = {name: file[name][:30] for name in file.files}
    np.savez(run / "predictions/valid.npz", **part)
    assert set(build_report(run)["intervals"]) == {"valid/nmae"}


def test_arrays_that_are_damaged_say_where(tmp_path: Path):
    run = numbers_run(tmp_path / "run", 0.5)
    (run / "predictions/valid.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match=r"valid\.npz: cannot be read: .*\n.*remove"):
        build_report(run)


def test_smaller_errors_are_better_image_by_image(tmp_path: Path):
    a, b = numbers_run(tmp_path / "a", 1.0), numbers_run(tmp_path / "b", 0.1)
    [split] = compare_runs(a, b).splits
    found = {metric.name: metric for metric in split.metrics}
    assert {"nmae", "mae", "rmse", "r2", "mae_age", "r2_height"} <= set(found)
    assert {found[name].verdict for name in ("nmae", "mae", "mae_age", "r2")} == {"better"}
    assert found["r2"].difference > 0 > found["mae"].difference
    assert split.flips and split.flips[0].is_fixed and split.flips[0].a.endswith("years")


def test_rows_that_only_one_run_has_are_left_out_of_the_arrays_too(tmp_path: Path):
    a, b = numbers_run(tmp_path / "a", 1.0), numbers_run(tmp_path / "b", 1.0)
    lines = (b / "predictions/valid.csv").read_text().splitlines()
    (b / "predictions/valid.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    with np.load(b / "predictions/valid.npz") as file:
        turned = {name: file[name] if name == "rows" else file[name][::-1] for name in file.files}
    np.savez(b / "predictions/valid.npz", **turned)
    [split] = compare_runs(a, b).splits
    assert split.common == 60
    assert [metric.difference for metric in split.metrics] == pytest.approx([0.0] * len(split.metrics))


def test_interval_of_r2_may_reach_below_zero(tmp_path: Path):
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(30, 1))
    values = 0.1 * truth + 0.9 * generator.normal(size=truth.shape)
    table, _ = predictions(30)
    arrays = {"truth": truth, "values": values, "is_inside": truth < 0}
    statistics = Statistics(table[["score"]], ["age"], "nmae", arrays)
    low, _ = intervals(statistics, 30)["r2"]
    assert low < statistics.all_rows()["r2"] < 0.2 and low < 0


@pytest.mark.parametrize("name", ["mae", "test/rmse", "mae_age", "valid/rmse_tree height", "nmae"])
def test_errors_of_columns_are_better_when_lower(name: str):
    assert is_lower_better(name) and not is_lower_better("r2_mae") and not is_lower_better("ap_mae_x")
