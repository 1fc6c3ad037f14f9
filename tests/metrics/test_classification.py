import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from auto_train.metrics.classification import (
    classification_metrics,
    classification_rows,
    expected_calibration_error,
    fit_temperature,
)


def drawn(n: int = 300, classes: int = 7, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits that are right more often than not, and their targets."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (n,), generator=generator)
    logits = torch.randn(n, classes, generator=generator)
    logits[torch.arange(n), targets] += 1.5
    return logits, targets


def test_metrics_agree_with_scikit_learn():
    logits, targets = drawn()
    p, y = logits.softmax(dim=1), targets.numpy()
    found = classification_metrics(p, targets)
    predicted, p = p.argmax(dim=1).numpy(), p.double().numpy()
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, predicted))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    assert found["precision_macro"] == pytest.approx(sk.precision_score(y, predicted, average="macro"))
    assert found["recall_macro"] == pytest.approx(sk.recall_score(y, predicted, average="macro"))
    assert found["top5_accuracy"] == pytest.approx(sk.top_k_accuracy_score(y, p, k=5))
    p /= p.sum(axis=1, keepdims=True)  # scikit-learn wants it exact
    assert found["loss"] == pytest.approx(sk.log_loss(y, p), rel=1e-6)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr"), rel=1e-6)


def test_metrics_have_the_names_of_the_interface():
    logits, targets = drawn()
    names = ["accuracy", "top5_accuracy", "f1_macro", "precision_macro", "recall_macro", "roc_auc", "ece", "loss"]
    assert sorted(classification_metrics(logits.softmax(dim=1), targets)) == sorted(names)


def test_metrics_by_hand():
    # Four images, three classes: right, right, wrong (0 for 1), right.
    p = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.4, 0.0], [0.1, 0.3, 0.6]])
    found = classification_metrics(p, torch.tensor([0, 1, 1, 2]))
    assert found["accuracy"] == 0.75
    # precision 1/2, 1, 1; recall 1, 1/2, 1; F1 2/3, 2/3, 1
    assert found["precision_macro"] == pytest.approx(5 / 6) and found["recall_macro"] == pytest.approx(5 / 6)
    assert found["f1_macro"] == pytest.approx(7 / 9)
    assert found["loss"] == pytest.approx(-math.log(0.8 * 0.7 * 0.4 * 0.6) / 4, rel=1e-6)
    # Four bins of one image each: |0.8 - 1|, |0.7 - 1|, and 0.6 twice in a bin of one right and one wrong.
    assert found["ece"] == pytest.approx((0.2 + 0.3 + abs(0.6 + 0.6 - 1)) / 4, rel=1e-5)
    assert "top5_accuracy" not in found


def test_ties_are_no_hits_among_the_first_five():
    targets = torch.arange(10)
    assert classification_metrics(torch.full((10, 10), 0.1), targets)["top5_accuracy"] == 0.0
    # The fifth and the sixth are as probable as each other, the own one is the fourth; then the fifth.
    p = torch.tensor([[0.3, 0.2, 0.15, 0.11, 0.1, 0.1, 0.04], [0.3, 0.2, 0.15, 0.11, 0.1, 0.1, 0.04]])
    assert classification_metrics(p, torch.tensor([3, 4]))["top5_accuracy"] == 0.5


def test_roc_auc_leaves_out_a_class_that_does_not_occur():
    logits, targets = drawn(classes=4)
    keep = targets != 2
    p, y = logits[keep].softmax(dim=1), targets[keep]
    expected = np.mean([sk.roc_auc_score(y.numpy() == c, p[:, c].numpy()) for c in (0, 1, 3)])
    assert classification_metrics(p, y)["roc_auc"] == pytest.approx(expected, rel=1e-6)


def test_one_class_alone_has_no_roc_auc():
    found = classification_metrics(torch.tensor([[0.9, 0.1], [0.4, 0.6]]), torch.tensor([0, 0]))
    assert "roc_auc" not in found and found["accuracy"] == 0.5


def test_certain_and_wrong_has_a_finite_loss():
    found = classification_metrics(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert found["loss"] == pytest.approx(-math.log(1e-12))


def test_metrics_are_plain_finite_numbers():
    logits, targets = drawn()
    found = classification_metrics(logits.softmax(dim=1), targets)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


def test_calibration_error_of_a_calibrated_model_is_near_zero():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1.0, 20_000)
    is_right = rng.uniform(size=20_000) < confidence
    # Chance alone leaves about sqrt(p (1 - p) / n) = 0.013 in each of the bins of 1,900 images.
    assert expected_calibration_error(confidence, is_right) < 0.015
    assert expected_calibration_error(confidence, np.ones(20_000, bool)) == pytest.approx(0.35, abs=0.01)


def test_calibration_error_takes_the_confidence_of_one():
    assert expected_calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.5)


def test_temperature_reduces_the_loss_of_overconfident_logits():
    logits, targets = drawn(n=2000)
    sure = logits * 4
    temperature = fit_temperature(sure, targets)

    def loss(t: float) -> float:
        return float(torch.nn.functional.cross_entropy(sure / t, targets))

    assert temperature > 1 and loss(temperature) < loss(1.0)
    # The minimum: nothing around it is lower.
    assert loss(temperature) <= min(loss(temperature * 0.97), loss(temperature * 1.03))


def test_temperature_undoes_a_known_scale():
    # Labels drawn from softmax(logits) make 1 the best temperature of the logits, and 3 that of three times the logits.
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 5, generator=generator)
    targets = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits, targets) == pytest.approx(1.0, abs=0.05)
    assert fit_temperature(3 * logits, targets) == pytest.approx(3.0, abs=0.15)


def test_temperature_stays_in_bounds_without_an_error():
    logits = torch.eye(3) * 5
    assert math.exp(-3) * 0.99 <= fit_temperature(logits, torch.arange(3)) <= 1


def test_rows_by_hand():
    outputs = torch.tensor([[4.0, 0.0, 2.0], [0.0, 1.0, 3.0]])
    found = classification_rows(outputs, (outputs / 2).softmax(dim=1), torch.tensor([0, 0]), ["a", "b", "c"])
    assert found["label"].tolist() == ["a", "a"] and found["predicted"].tolist() == ["a", "c"]
    assert found["score"].tolist() == [1, 0] and found["rank"].tolist() == [1, 3]
    first = math.exp(2) / (math.exp(2) + 1 + math.e)
    assert found["confidence"][0] == pytest.approx(first) and found["loss"][0] == pytest.approx(-math.log(first))
    assert found["uncalibrated"][0] == pytest.approx(math.exp(4) / (math.exp(4) + 1 + math.exp(2)))
    assert found["log_probabilities"].dtype == np.float16
    assert found["log_probabilities"][0] == pytest.approx((outputs[0] / 2).log_softmax(dim=0).numpy(), abs=1e-3)


def test_rows_add_up_to_the_metrics():
    logits, targets = drawn()
    p = (logits / 1.5).softmax(dim=1)
    rows, metrics = classification_rows(logits, p, targets, list("abcdefg")), classification_metrics(p, targets)
    assert rows["score"].mean() == metrics["accuracy"] and rows["loss"].mean() == pytest.approx(metrics["loss"])
    assert (rows["rank"] <= 5).mean() == metrics["top5_accuracy"]
    assert expected_calibration_error(rows["confidence"], rows["score"]) == pytest.approx(metrics["ece"], abs=1e-6)


def test_rows_of_a_certain_answer_are_finite():
    outputs = torch.tensor([[200.0, 0.0], [0.0, 200.0]])
    found = classification_rows(outputs, outputs.softmax(dim=1), torch.tensor([0, 0]), ["a", "b"])
    assert all(np.isfinite(found[name].astype(float)).all() for name in found if name not in ("label", "predicted"))
