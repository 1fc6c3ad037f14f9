import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from tests.tiny import tiny_config, write_digits


@pytest.fixture(scope="module")
def unbalanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("unbalanced"), {"0": 60, "1": 12, "2": 12})


def make_task(folder: Path, data: Path, *overrides: str) -> ClassificationModel:
    return ClassificationModel(tiny_config(folder, data, *[f"training.scheme.{text}" for text in overrides]))


def train_targets(task: ClassificationModel) -> torch.Tensor:
    return task.targets(task.samples.of("train"))


def test_targets_are_positions_of_the_labels(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    train = task.samples.of("train")
    assert [task.labels[number] for number in task.targets(train)] == train.table["label"].tolist()


def test_class_weights_are_inverse_to_the_classes_shares(unbalanced: Path, tmp_path: Path):
    task = make_task(tmp_path, unbalanced, "balance=weights")
    counts = torch.bincount(train_targets(task))
    # n / (classes · n of the class): scikit-learn's "balanced"
    assert torch.allclose(task.class_weights(), counts.sum() / (3 * counts))
    assert float(task.class_weights()[train_targets(task)].mean()) == pytest.approx(1)
    assert torch.equal(task.learn.loss_func.weight, task.class_weights())


def test_weighted_loss_counts_rare_classes_more(unbalanced: Path, tmp_path: Path):
    plain, weighted = make_task(tmp_path / "1", unbalanced), make_task(tmp_path / "2", unbalanced, "balance=weights")
    assert plain.learn.loss_func.weight is None
    outputs, targets = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]), torch.tensor([0, 1])
    # A mistake on the rare class weighs heavier than being right on the frequent one.
    assert weighted.learn.loss_func(outputs, targets) > plain.learn.loss_func(outputs, targets)


def test_sampler_draws_all_classes_equally_often(unbalanced: Path, tmp_path: Path):
    task = make_task(tmp_path, unbalanced, "balance=sampler", "batch_size=8")
    drawn = torch.cat([train_targets(task)[task.dls.train.order(epoch)] for epoch in range(20)])
    share = torch.bincount(drawn).float() / len(drawn)
    # 20 epochs of about 67 draws: a third ± 4 standard deviations of sqrt(2/9 / 1340) = 0.013.
    assert (share - 1 / 3).abs().max() < 0.052
    plain = make_task(tmp_path / "plain", unbalanced)
    assert plain.dls.train.weights is None


def test_label_smoothing_spreads_its_share_over_all_classes(digit_files: Path, tmp_path: Path):
    loss = make_task(tmp_path, digit_files, "label_smoothing=0.3").learn.loss_func
    outputs = torch.tensor([[2.0, 0.0, 0.0]])
    log_p = outputs.log_softmax(dim=1)[0]
    expected = -(0.7 * log_p[0] + 0.3 * log_p.mean())
    assert float(loss(outputs, torch.tensor([0]))) == pytest.approx(float(expected))


@pytest.mark.parametrize("keys", [["mixup=0.4"], ["cutmix=1.0"], ["mixup=0.4", "cutmix=1.0", "balance=weights"]])
def test_mixed_targets_train(digit_files: Path, tmp_path: Path, keys: list[str]):
    config = tiny_config(tmp_path, digit_files, *[f"training.scheme.{key}" for key in [*keys, "label_smoothing=0.1"]])
    metrics = train_model(config).metrics
    assert 0 <= metrics["valid/accuracy"] <= 1 and math.isfinite(metrics["valid/loss"])


def test_mixup_is_for_training_only(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files, "mixup=0.4")
    assert task.dls.train.one_batch()[1].ndim == 2 and next(iter(task.dls.valid))[1].ndim == 1


def test_batch_hooks_return_counted_loss_and_accuracy(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    out = {"pred": torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 3.0, 0.0]])}
    batch = (torch.zeros(3), torch.tensor([0, 1, 2]))
    accuracy, count = task.batch_metric(out, batch)["accuracy"]
    assert (float(accuracy), count) == (pytest.approx(2 / 3), 3)
    loss, count = task.batch_loss(out, batch)["loss"]
    expected = torch.nn.functional.cross_entropy(out["pred"], batch[1])
    assert (float(loss), count) == (pytest.approx(float(expected)), 3)
    mixed = (torch.zeros(3), torch.tensor([[0.6, 0.4, 0.0], [0.0, 0.2, 0.8], [0.0, 0.1, 0.9]]))
    assert float(task.batch_metric(out, mixed)["accuracy"][0]) == pytest.approx(1 / 3)


def test_epoch_metric_is_scikit_learns_macro_f1(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    task.model.eval()
    rng, cache = np.random.default_rng(0), {}
    targets, outputs = rng.integers(0, 3, 50), torch.from_numpy(rng.normal(size=(50, 3)))
    for rows in (slice(0, 20), slice(20, 50)):
        out, batch = {"pred": outputs[rows]}, (None, torch.from_numpy(targets[rows]))
        assert task.extra_batch_metrics(out, batch, {}, task.model, cache) == {}
    expected = sk.f1_score(targets, outputs.argmax(dim=1).numpy(), average="macro")
    assert task.epoch_metric(cache)["f1_macro"] == pytest.approx(expected, rel=1e-6)
    assert task.epoch_metric({}) == {}


def test_training_passes_collect_nothing_for_epoch_metrics(digit_files: Path, tmp_path: Path):
    task, cache = make_task(tmp_path, digit_files), {}
    task.model.train()
    task.extra_batch_metrics({"pred": torch.zeros(2, 3)}, (None, torch.tensor([0, 1])), {}, task.model, cache)
    assert cache == {}


@pytest.mark.parametrize(("monitor", "expected"), [("accuracy", 0.25), ("f1_macro", 0.4), ("loss", 1.5)])
def test_error_is_that_of_the_monitored_metric(digit_files: Path, tmp_path: Path, monitor: str, expected: float):
    task = make_task(tmp_path, digit_files, f"monitor={monitor}")
    result = {"accuracy": 0.75, "f1_macro": 0.6, "loss": 1.5}
    assert task.post_metric_to_err(result) == pytest.approx(expected)


def test_calibration_lowers_the_loss_of_overconfident_outputs(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(3, (300,), generator=generator)
    outputs = 8 * (torch.randn(300, 3, generator=generator) + 1.5 * torch.nn.functional.one_hot(targets, 3))
    before = task.evaluate(task.inference.answers(outputs), targets)
    task.calibrate(task.inference, outputs, targets)
    after = task.evaluate(task.inference.answers(outputs), targets)
    assert task.inference.config["temperature"] == pytest.approx(float(task.inference.temperature)) and (
        task.inference.config["temperature"] > 1
    )
    assert after["loss"] < before["loss"] and after["ece"] < before["ece"]
    assert after["accuracy"] == before["accuracy"]


@pytest.mark.parametrize("case", ["few images", "no mistake"])
def test_calibration_needs_images_and_mistakes_to_learn_from(digit_files: Path, tmp_path: Path, case: str):
    task = make_task(tmp_path, digit_files)
    targets = torch.arange(99 if case == "few images" else 300) % 3
    outputs = 5.0 * torch.nn.functional.one_hot(targets, 3)
    if case == "few images":
        outputs[::4] = outputs[::4].roll(1, dims=1)
    task.calibrate(task.inference, outputs, targets)
    assert task.inference.config["temperature"] == 1.0


def test_decoded_answer_is_label_number_and_probabilities(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    label, number, probabilities = task.decode(torch.tensor([[0.0, 0.0, 2.0]]))
    assert (label, int(number)) == ("2", 2)
    # e² / (e² + 2)
    assert float(probabilities[2]) == pytest.approx(math.exp(2) / (math.exp(2) + 2))
