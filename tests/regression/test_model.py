from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from auto_train.errors import ConfigError, DataError
from auto_train.regression.model import RegressionModel
from tests.tiny import tiny_config, write_digit_table

TASK = "project.type=regression"


def make_task(folder: Path, data: Path, *overrides: str) -> RegressionModel:
    return RegressionModel(tiny_config(folder, data, TASK, *[f"training.scheme.{text}" for text in overrides]))


@pytest.fixture(scope="module")
def task(numbers: Path, tmp_path_factory: pytest.TempPathFactory) -> RegressionModel:
    return make_task(tmp_path_factory.mktemp("task"), numbers)


def test_targets_are_the_numbers_and_their_scale_is_the_models(task: RegressionModel):
    train = task.samples.of("train")
    targets = task.targets(train)
    assert task.labels == ["value", "area"] and targets.shape == (80, 2) and targets.dtype == torch.float64
    assert task.inference.config["target_mean"] == pytest.approx(targets.mean(dim=0).tolist())
    assert task.inference.config["target_std"] == pytest.approx(targets.std(dim=0, correction=0).tolist())
    assert task.inference.facts == {"units": ["dots", ""], "interval": 0.9}
    scaled = task.scale(targets)
    assert scaled.dtype == torch.float32 and scaled.mean(dim=0).abs().max() < 1e-5
    # A fresh network says the mean: its last layer is zero.
    with torch.no_grad():
        values = task.inference(torch.from_numpy(train.images[0])[None])[0, :, 0]
    assert values.tolist() == pytest.approx(targets.mean(dim=0).tolist(), rel=1e-5)


def test_answers_are_values_with_their_intervals_in_the_columns_units(task: RegressionModel):
    task.inference.set_margins([0.5, 1000.0])
    mean, std = (task.inference.config[name] for name in ("target_mean", "target_std"))
    answers = task.inference.answers(torch.tensor([[0.0, 1.0]]))
    assert answers.shape == (1, 2, 3)
    assert answers[0, 0].tolist() == pytest.approx([mean[0], mean[0] - 0.5, mean[0] + 0.5])
    assert answers[0, 1, 0].item() == pytest.approx(mean[1] + std[1])
    assert task.inference.config["margins"] == [0.5, 1000.0]


@pytest.mark.parametrize(("name", "kind"), [("smooth_l1", nn.SmoothL1Loss), ("mse", nn.MSELoss), ("mae", nn.L1Loss)])
def test_loss_is_the_one_that_the_config_names(numbers: Path, tmp_path: Path, name: str, kind: type[nn.Module]):
    task = make_task(tmp_path, numbers, f"loss={name}")
    out, batch = {"pred": torch.zeros(5, 2)}, (None, task.targets(task.samples)[:5])
    loss, count = task.batch_loss(out, batch)["loss"]
    assert isinstance(task.learn.loss_func, kind) and count == 5
    assert float(loss) == pytest.approx(float(kind()(torch.zeros(5, 2), task.scale(batch[1]))))


def test_batch_metrics_are_errors_in_deviations_and_in_units(task: RegressionModel):
    targets = task.targets(task.samples)[:4]
    found = task.batch_metric({"pred": task.scale(targets) + torch.tensor([0.5, 0.0])}, (None, targets))
    assert float(found["nmae"][0]) == pytest.approx(0.25)
    assert float(found["mae_value"][0]) == pytest.approx(0.5 * task.inference.config["target_std"][0], rel=1e-4)
    assert float(found["mae_area"][0]) == pytest.approx(0, abs=1)


def test_column_that_never_changes_is_refused(tmp_path: Path):
    data = write_digit_table(tmp_path / "data", lambda digit, i: {"value": digit, "height": 28}, each=4)
    with pytest.raises(DataError, match=r"height"):
        make_task(tmp_path, data)


@pytest.mark.parametrize("key", ["mixup", "cutmix"])
def test_mixing_images_is_refused(numbers: Path, tmp_path: Path, key: str):
    with pytest.raises(ConfigError, match=rf"training\.scheme\.{key}: '0\.4' cannot be used here"):
        make_task(tmp_path, numbers, f"{key}=0.4")


def test_data_without_numbers_is_refused(digit_files: Path, tmp_path: Path):
    with pytest.raises(DataError):
        make_task(tmp_path, digit_files)


def test_intervals_are_made_of_the_errors_on_valid(numbers: Path, tmp_path: Path):
    task = make_task(tmp_path, numbers, "interval=0.8")
    clone = task.inference.finish()
    outputs = torch.zeros(40, 2)
    mean = torch.tensor(clone.config["target_mean"], dtype=torch.float64)
    targets = mean + torch.arange(1.0, 41.0, dtype=torch.float64)[:, None] * torch.tensor([0.01, 100.0])
    task.calibrate(clone, outputs, targets)
    # 40 errors at 0.8: the ceil(41 · 0.8) = 33rd smallest
    assert clone.config["margins"] == pytest.approx([0.33, 3300], rel=1e-4) and not task.warnings
    answers = clone.answers(outputs)
    task.measured = "test"
    assert task.evaluate(answers, targets)["coverage"] == pytest.approx(33 / 40, abs=1 / 40)  # at the very end or not
    task.measured = "valid"  # each half by the intervals of the other: made of these very rows they hold what they must
    assert task.evaluate(answers, targets)["coverage"] == pytest.approx(crossed_by_hand(targets - mean), abs=1e-6)


def crossed_by_hand(errors: torch.Tensor) -> float:
    """Return the share of errors not above the 17th smallest, ceil(21 · 0.8), of the other half of 40."""
    even, odd = errors[::2], errors[1::2]
    held = [(half <= other.sort(dim=0).values[16]).double().mean() for half, other in ((even, odd), (odd, even))]
    return float(sum(held) / 2)


def test_too_few_images_for_the_intervals_are_told(numbers: Path, tmp_path: Path):
    task = make_task(tmp_path, numbers, "interval=0.99")
    targets = task.targets(task.samples)[:40]
    task.calibrate(task.inference.finish(), torch.zeros(40, 2), targets)
    assert any("need 99 validation images, and 40 are there" in text for text in task.warnings)


def test_metrics_are_of_each_column_and_their_mean(task: RegressionModel):
    targets = task.targets(task.samples)[:30]
    answers = torch.stack([targets + torch.tensor([1.0, -500.0])] * 3, dim=2).float()
    task.measured = "test"
    found = task.evaluate(answers, targets)
    assert found["mae_value"] == pytest.approx(1, rel=1e-3) and found["mae_area"] == pytest.approx(500, rel=1e-3)
    assert found["mae"] == pytest.approx(250.5, rel=1e-3) and found["coverage"] == 0
    std = np.array(task.inference.config["target_std"])
    assert found["nmae"] == pytest.approx(np.mean([1, 500] / std), rel=1e-3)


def test_report_tells_of_every_image_and_column(task: RegressionModel):
    targets = task.targets(task.samples)[:6]
    outputs = task.scale(targets) + 0.1
    task.inference.set_margins([0.5, 1000.0])
    rows = task.report_rows(outputs, task.inference.answers(outputs), targets)
    assert rows["label"][0] == "value 0 dots, area 0" and rows["score"].tolist() == pytest.approx([0.1] * 6, rel=1e-3)
    assert rows["answer"][0].startswith("value 0.2") and rows["truth"].shape == rows["values"].shape == (6, 2)
    table, over_true, residuals = task.report_parts(outputs, task.inference.answers(outputs), targets)
    assert [row[:2] for row in table["rows"]] == [["value", "dots"], ["area", ""]]
    assert [panel["title"] for panel in over_true["panels"]] == ["value, dots", "area"]
    assert residuals["panels"][0]["band"] == 0.5 and len(residuals["panels"][1]["points"]["x"]) == 6


def test_decoded_answer_is_text_values_and_intervals(task: RegressionModel):
    text, values, answers = task.decode(torch.zeros(1, 2))
    assert text.startswith("value ") and " dots, area " in text and values.shape == (2,) and answers.shape == (2, 3)
