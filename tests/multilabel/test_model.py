import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from auto_train.errors import UsageError
from auto_train.multilabel.model import MultilabelModel, image_f1
from auto_train.multilabel.train import train_model
from auto_train.training.optim.label_losses import AsymmetricLoss, positive_weights
from tests.tiny import tiny_config

TASK = "project.type=multilabel"


def make_task(folder: Path, data: Path, *overrides: str) -> MultilabelModel:
    keys = [f"training.scheme.{text}" for text in overrides]
    return MultilabelModel(tiny_config(folder, data, TASK, *keys))


@pytest.fixture(scope="module")
def task(label_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> MultilabelModel:
    return make_task(tmp_path_factory.mktemp("task"), label_sets)


def test_targets_are_one_for_each_label_of_an_image(task: MultilabelModel):
    train = task.samples.of("train")
    targets = task.targets(train)
    assert task.labels == ["even", "old", "round", "small"] and targets.shape == (80, 4)
    for row, labels in zip(targets, train.classes, strict=True):
        assert [task.labels[c] for c in row.nonzero()[:, 0]] == list(labels)
    assert (targets.sum(dim=1) == 0).any()  # an image without a label is legal


def test_loss_is_the_one_that_the_config_names(label_sets: Path, task: MultilabelModel, tmp_path: Path):
    assert isinstance(task.loss_func, nn.BCEWithLogitsLoss) and task.loss_func.pos_weight is None
    balanced = make_task(tmp_path / "1", label_sets, "loss=balanced").loss_func
    targets = task.targets(task.samples.of("train"))
    assert torch.equal(balanced.pos_weight.cpu(), positive_weights(targets.sum(dim=0), len(targets)))
    assert balanced.pos_weight[1] > balanced.pos_weight[3] > balanced.pos_weight[0]  # the rare label weighs most
    assert isinstance(make_task(tmp_path / "2", label_sets, "loss=asymmetric").loss_func, AsymmetricLoss)


@pytest.mark.parametrize("keys", [["mixup=0.4", "cutmix=1.0"], ["mixup=0.4", "loss=asymmetric"]])
def test_mixed_targets_train(label_sets: Path, tmp_path: Path, keys: list[str]):
    metrics = train_model(tiny_config(tmp_path, label_sets, TASK, *[f"training.scheme.{key}" for key in keys])).metrics
    assert 0 <= metrics["valid/map"] <= 1 and math.isfinite(metrics["valid/loss"])


def test_mixed_targets_are_shares_of_both_label_sets(label_sets: Path, tmp_path: Path):
    images, targets = make_task(tmp_path, label_sets, "mixup=0.4").dls.train.one_batch()
    assert targets.shape == (len(images), 4) and ((targets > 0) & (targets < 1)).any() and targets.max() <= 1


def test_f1_of_an_image_counts_nothing_found_in_nothing_as_right():
    said = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]).bool()
    truth = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]).bool()
    assert image_f1(said, truth).tolist() == [0.5, 1.0, 0.0, 0.0]


def test_epoch_metrics_are_those_of_the_whole_pass(task: MultilabelModel):
    outputs, targets = torch.randn(20, 4), (torch.rand(20, 4) < 0.4).float()
    parts = {"outputs": [outputs[:12], outputs[12:]], "targets": [targets[:12], targets[12:]]}
    found = task.epoch_metric(parts)
    assert set(found) == {"map", "f1_micro", "f1_macro"}
    hits = ((outputs >= 0) & (targets > 0)).sum()
    assert found["f1_micro"] == pytest.approx(float(2 * hits / ((outputs >= 0).sum() + targets.sum())))
    assert task.epoch_metric({}) == {}


def test_better_epoch_has_the_smaller_error(label_sets: Path, task: MultilabelModel, tmp_path: Path):
    good, bad = {"map": 0.9, "loss": 0.3}, {"map": 0.8, "loss": 0.2}
    assert task.post_metric_to_err(good) < task.post_metric_to_err(bad)
    assert task.post_metric_to_err({"map": 0.9, "loss": 0.2}) < task.post_metric_to_err(good)
    by_loss = make_task(tmp_path, label_sets, "monitor=loss")
    assert by_loss.post_metric_to_err(good) > by_loss.post_metric_to_err(bad)


def test_thresholds_are_found_and_rare_labels_are_named(label_sets: Path, tmp_path: Path):
    task = make_task(tmp_path, label_sets)
    targets = torch.zeros(60, 4)
    targets[:30, 0], targets[:3, 1], targets[:40, 2], targets[:20, 3] = 1, 1, 1, 1
    outputs = torch.where(targets > 0, -1.0, -3.0)  # everything is below a half, and told apart
    clone = task.inference.finish()
    task.calibrate(clone, outputs, targets)
    middle = (torch.tensor([-1.0, -3.0]).sigmoid().sum() / 2).item()
    assert clone.thresholds == pytest.approx([middle, 0.5, middle, middle]) == task.inference.thresholds
    assert clone.config["thresholds"] == clone.facts["thresholds"] == clone.thresholds
    assert any("the thresholds of 1 of 4 labels stay at 0.5" in text and text.endswith("old") for text in task.warnings)
    metrics = task.evaluate(clone.answers(outputs), targets)
    assert metrics["map"] == 1 and metrics["ap_old"] == 1 and metrics["f1_micro"] == pytest.approx(180 / 183)


def test_report_tells_of_every_image_and_every_label(task: MultilabelModel):
    targets = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]])
    outputs = torch.tensor([[2.0, -2, 1, -1], [-1, -2, -3, -1], [-1, -1, 2, 3]])
    answers = outputs.sigmoid()
    rows = task.report_rows(outputs, answers, targets)
    assert rows["label"].tolist() == ["even|round", "", "even|small"]
    assert rows["answer"].tolist() == ["even|round", "", "round|small"] and rows["score"].tolist() == [1.0, 1.0, 0.5]
    assert rows["loss"].tolist() == pytest.approx(
        nn.functional.binary_cross_entropy(answers, targets, reduction="none").mean(dim=1).tolist()
    )
    table, curves = task.report_parts(outputs, answers, targets)
    by_label = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    assert by_label["even"]["images"] == 2 and by_label["old"]["AP"] is None  # no image has it
    assert by_label["small"] == {
        "label": "small", "images": 1, "AP": 1.0, "AP of chance": pytest.approx(1 / 3), "threshold": 0.5,
        "precision": 1.0, "recall": 1.0, "F1": 1.0,
    }  # fmt: skip
    assert [line["name"] for line in curves["lines"]][1:] == ["round · AP 0.5000", "small · AP 1.0000"]


def test_data_without_label_sets_is_refused(digit_files: Path, tmp_path: Path):
    with pytest.raises((UsageError, Exception), match=r"labels|format"):
        make_task(tmp_path, digit_files)


def test_decoded_answer_is_text_labels_and_probabilities(task: MultilabelModel):
    text, said, probabilities = task.decode(torch.tensor([[3.0, -3.0, 3.0, -3.0]]))
    assert text == "even|round" and said.tolist() == [True, False, True, False]
    assert np.allclose(probabilities, torch.tensor([3.0, -3.0, 3.0, -3.0]).sigmoid())
