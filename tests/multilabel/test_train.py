"""One training through every form that the model has: bundle, ONNX, report, comparison."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import auto_train
from auto_train.config import Config
from auto_train.multilabel.train import train_model
from auto_train.multilabel.validate import evaluate, infer
from auto_train.reports.compare import compare_runs
from auto_train.runs.folder import TrainResult
from tests.tiny import tiny_config

KEYS = ["epochs=12", "batch_size=8", "learning_rate=1e-2"]


@pytest.fixture(scope="module")
def config(label_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    keys = ["project.type=multilabel", 'export.formats=["onnx"]', *[f"training.scheme.{key}" for key in KEYS]]
    return tiny_config(tmp_path_factory.mktemp("multilabel"), label_sets, *keys)


@pytest.fixture(scope="module")
def trained(config: Config) -> TrainResult:
    return train_model(config)


def test_training_learns_and_is_measured(trained: TrainResult):
    metrics = trained.metrics
    assert {"map", "f1_micro", "f1_macro", "f1_samples", "loss", "ap_even"} <= {name[5:] for name in metrics}
    # Chance: the mean share of the labels, about 0.3.
    assert metrics["test/map"] > 0.55 and metrics["test/f1_micro"] > 0.6
    assert any("stay at 0.5" in text and "old" in text for text in trained.warnings)


def test_every_form_of_the_model_gives_the_same_answer(config: Config, trained: TrainResult, label_sets: Path):
    path = label_sets / "images/8/001.png"
    answer = infer(path, config)
    assert set(answer) == {"labels", "probabilities", "thresholds", "model"} and set(answer["labels"]) <= {
        "even",
        "round",
    }
    assert answer["thresholds"]["old"] == 0.5 != answer["thresholds"]["even"]
    served = auto_train.load(config.path)(path)
    assert served["labels"] == answer["labels"] and served["thresholds"] == answer["thresholds"]
    assert served["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-4)
    session = onnxruntime.InferenceSession(trained.run / "exports/onnx/model.onnx", providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["facts"])
    assert facts["thresholds"] == list(answer["thresholds"].values())
    pixels = np.array(Image.open(path).convert("RGB"))
    [values] = session.run(["probabilities"], {"images": pixels[None]})
    assert values[0].tolist() == pytest.approx(list(answer["probabilities"].values()), abs=1e-4)


def test_evaluate_gives_the_metrics_of_the_training(config: Config, trained: TrainResult):
    for split in ("valid", "test"):
        expected = {name: value for name, value in trained.metrics.items() if name.startswith(split)}
        assert evaluate(config, split=split) == pytest.approx(expected)


def test_report_has_intervals_labels_and_mistakes(trained: TrainResult):
    report = json.loads((trained.run / "report.json").read_text(encoding="utf-8"))
    for name in ("map", "f1_micro", "f1_macro", "f1_samples", "ap_even", "loss"):
        ends = report["intervals"][f"test/{name}"]
        assert ends["low"] <= report["metrics"][f"test/{name}"] <= ends["high"], name
    said = report["splits"]["test"]
    assert [part["title"] for part in said["parts"]] == ["Labels", "Precision over recall"]
    assert all(row["picture"] and "answer" in row for row in said["mistakes"]) and "classes" not in said
    page = (trained.run / "report.html").read_text(encoding="utf-8")
    assert "AP of chance" in page and "labelled <b>" in page and "4 classes" in page
    assert 'name="test/map"' in (trained.run / "junit.xml").read_text()


def test_comparison_with_itself_changes_nothing(trained: TrainResult):
    found = compare_runs(trained.run, trained.run)
    assert [split.split for split in found.splits] == ["valid", "test"]
    for split in found.splits:
        assert {"map", "f1_micro", "ap_round"} <= {metric.name for metric in split.metrics} and not split.flips
        assert {(metric.difference, metric.verdict) for metric in split.metrics} == {(0.0, "no clear difference")}
