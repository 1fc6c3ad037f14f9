"""One training through every form that the model has: bundle, ONNX, report, comparison."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import auto_train
from auto_train.config import Config
from auto_train.regression.train import train_model
from auto_train.regression.validate import evaluate, infer
from auto_train.reports.compare import compare_runs
from auto_train.runs.folder import TrainResult
from tests.tiny import tiny_config

KEYS = ["epochs=15", "batch_size=8", "learning_rate=1e-2"]


@pytest.fixture(scope="module")
def config(numbers: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    keys = ["project.type=regression", 'export.formats=["onnx"]', *[f"training.scheme.{key}" for key in KEYS]]
    return tiny_config(tmp_path_factory.mktemp("regression"), numbers, *keys)


@pytest.fixture(scope="module")
def trained(config: Config) -> TrainResult:
    return train_model(config)


def test_training_learns_and_is_measured(trained: TrainResult):
    metrics = trained.metrics
    assert {"nmae", "mae", "rmse", "r2", "coverage", "mae_value", "r2_area"} <= {name[5:] for name in metrics}
    # The mean as answer has an r2 of 0, and errors of 2.5 dots.
    assert metrics["test/r2_value"] > 0.3 and metrics["test/mae_value"] < 2
    assert 0.6 < metrics["test/coverage"] <= 1


def test_every_form_of_the_model_gives_the_same_answer(config: Config, trained: TrainResult, numbers: Path):
    path = numbers / "images/8/001.png"
    answer = infer(path, config)
    value = answer["values"]["value"]
    assert list(answer) == ["values", "interval", "model"] and list(value) == ["value", "low", "high", "unit"]
    assert value["low"] < value["value"] < value["high"] and value["unit"] == "dots"
    served = auto_train.load(config.path)(path)
    for name in ("value", "low", "high"):
        assert served["values"]["value"][name] == pytest.approx(value[name], rel=1e-3, abs=1e-3)
    session = onnxruntime.InferenceSession(trained.run / "exports/onnx/model.onnx", providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["facts"]) == {"units": ["dots", ""], "interval": 0.9}
    [values] = session.run(["values"], {"images": np.array(Image.open(path).convert("RGB"))[None]})
    assert values.shape == (1, 2, 3)
    assert values[0, 0].tolist() == pytest.approx(
        [value[name] for name in ("value", "low", "high")], rel=1e-3, abs=1e-3
    )


def test_evaluate_gives_the_metrics_of_the_training(config: Config, trained: TrainResult):
    for split in ("valid", "test"):
        expected = {name: value for name, value in trained.metrics.items() if name.startswith(split)}
        assert evaluate(config, split=split) == pytest.approx(expected, rel=1e-4)


def test_report_has_intervals_plots_and_mistakes(trained: TrainResult):
    report = json.loads((trained.run / "report.json").read_text(encoding="utf-8"))
    for name in ("nmae", "mae", "rmse", "r2", "mae_value", "coverage_area"):
        ends = report["intervals"][f"test/{name}"]
        assert ends["low"] <= report["metrics"][f"test/{name}"] <= ends["high"], name
    said = report["splits"]["test"]
    assert [part["title"] for part in said["parts"]] == ["Columns", "Predicted over true", "Residuals"]
    assert said["mistakes"][0]["answer"].startswith("value ") and said["mistakes"][0]["picture"]
    page = (trained.run / "report.html").read_text(encoding="utf-8")
    assert "2 columns: value, area" in (trained.bundle / "README.md").read_text(encoding="utf-8")
    assert "MAE of the mean" in page and page.count("<svg") >= 4 and "2 columns" in page


def test_comparison_with_itself_changes_nothing(trained: TrainResult):
    for split in compare_runs(trained.run, trained.run).splits:
        assert {"nmae", "mae", "r2_area"} <= {metric.name for metric in split.metrics} and not split.flips
        assert {(metric.difference, metric.verdict) for metric in split.metrics} == {(0.0, "no clear difference")}
