import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from auto_train.classification.model import ClassificationModel
from auto_train.common.evaluation import collect_outputs, evaluate_run, evaluate_split
from auto_train.common.loaders import eval_loader
from auto_train.runs.folder import RunFolder
from tests.tiny import tiny_config


@pytest.fixture(scope="module")
def task(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> ClassificationModel:
    task = ClassificationModel(tiny_config(tmp_path_factory.mktemp("evaluation"), digit_files))
    torch.nn.init.normal_(task.model[1][1][1].weight)
    return task


def test_outputs_are_the_networks_in_the_order_of_the_rows(task: ClassificationModel):
    valid = task.samples.of("valid")
    inference = task.inference.finish()
    found = collect_outputs(inference, eval_loader(task, valid), task.device, task.keep_outputs)
    assert torch.equal(found.targets, task.targets(valid)) and found.outputs.dtype == torch.float32
    with torch.no_grad():
        images = [torch.from_numpy(valid.images[i].copy())[None] for i in range(len(valid))]
        live = torch.cat([inference(image) for image in images])
    # The whole split in batches, and each image alone through the whole model: the same answers.
    assert torch.allclose(inference.answers(found.outputs), live, atol=1e-5)
    assert found.brightness.numpy() == pytest.approx([float(image.float().mean()) for image in images], abs=0.05)


def test_metrics_of_a_split_carry_its_name(task: ClassificationModel):
    found = evaluate_split(task, task.inference.finish(), "valid")
    assert all(name.startswith("valid/") for name in found) and 0 <= found["valid/accuracy"] <= 1
    assert found.warnings == tuple(task.warnings)


def test_split_without_images_has_no_metrics(task: ClassificationModel):
    assert evaluate_split(task, task.inference.finish(), "test") == {}


def test_run_is_measured_and_leaves_what_a_report_needs(task: ClassificationModel, tmp_path: Path):
    inference = task.inference.finish()
    metrics = evaluate_run(task, inference, RunFolder(tmp_path))
    assert metrics == evaluate_split(task, inference, "valid")
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["task"] == "classification" and found["labels"] == ["0", "1", "2"]
    assert found["score"] == {"name": "accuracy", "better": "max"} and found["temperature"] == 1
    part = found["splits"]["valid"]
    assert {f"valid/{name}": value for name, value in part["metrics"].items()} == metrics and part["has_rows"]
    rows = pd.read_csv(tmp_path / "predictions/valid.csv", dtype={"label": str, "predicted": str})
    valid = task.samples.of("valid").table
    assert rows["path"].tolist() == valid["path"].tolist() and rows["sha256"].tolist() == valid["sha256"].tolist()
    assert rows["label"].tolist() == valid["label"].tolist() and rows["score"].mean() == metrics["valid/accuracy"]
    assert ((rows["predicted"] == rows["label"]) == rows["score"].astype(bool)).all()
    assert len(list((tmp_path / "predictions/valid").iterdir())) == (rows["score"] == 0).sum()
    with np.load(tmp_path / "predictions/valid.npz") as arrays:
        p = np.exp(arrays["log_probabilities"].astype(float))
    assert p.sum(axis=1) == pytest.approx(1, abs=0.01) and p.max(axis=1) == pytest.approx(rows["confidence"], abs=0.01)


def test_run_measured_again_leaves_nothing_of_the_first(task: ClassificationModel, tmp_path: Path):
    folder = RunFolder(tmp_path)
    (tmp_path / "predictions/test").mkdir(parents=True)
    evaluate_run(task, task.inference.finish(), folder)
    assert not (tmp_path / "predictions/test").exists()
