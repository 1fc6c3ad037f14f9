"""What run.py connects a training to: loggers and a time budget, in real trainings from an INI."""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from auto_train.classification.train import train_model
from auto_train.errors import MissingError
from auto_train.types import Progress
from tests.tiny import tiny_config


def lines(run: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text(encoding="utf-8").splitlines()]


def test_training_sends_its_epochs_to_the_loggers_of_its_ini(digit_files: Path, tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told: list[Progress] = []
    config = tiny_config(tmp_path, digit_files, "training.scheme.epochs=2", "training.loggers=tensorboard")
    result = train_model(config, progress=told.append)
    events = EventAccumulator(str(result.run / "tensorboard"))
    events.Reload()
    drawn = {event.step: event.value for event in events.Scalars("valid/accuracy")}
    epochs = [row for row in lines(result.run) if "epoch" in row]
    assert drawn == pytest.approx({row["epoch"]: row["valid/accuracy"] for row in epochs}) and len(drawn) == 2
    (final,) = events.Scalars("final/valid/accuracy")
    assert final.value == pytest.approx(result.metrics["valid/accuracy"])
    assert any(event.message == f"Metrics go to tensorboard too: {result.run / 'tensorboard'}" for event in told)


def test_logger_whose_library_is_missing_is_told_before_anything_is_made(
    digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for module in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "auto_train.training.loggers.mlflow", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    config = tiny_config(tmp_path, digit_files, "training.loggers=mlflow")
    with pytest.raises(MissingError, match=r"\[training\] loggers: the logger 'mlflow' cannot be used") as caught:
        train_model(config)
    assert caught.value.hint == "pip install 'auto-train[mlflow]'" and not (tmp_path / "project").exists()


def test_training_with_a_time_budget_plans_its_epochs_and_ends_in_time(digit_files: Path, tmp_path: Path):
    told: list[Progress] = []
    seconds = 10.0
    config = tiny_config(tmp_path, digit_files, f"training.minutes={seconds / 60}", "training.scheme.epochs=1")
    began = time.monotonic()
    result = train_model(config, progress=told.append)
    took = time.monotonic() - began
    (plan,) = [event.message for event in told if event.message.startswith("0.17 minutes: ")]
    count, each, unit = re.fullmatch(r"0\.17 minutes: (\d+) epochs of about ([\d.]+) (m?s)", plan).groups()  # type: ignore[union-attr]
    epochs = [row["epoch"] for row in lines(result.run) if "epoch" in row]
    assert int(count) > 1 and int(count) * float(each) / (1000 if unit == "ms" else 1) < 1.1 * seconds
    assert len([event for event in told if "Time is left" in (event.message or "")]) <= 20
    assert len(epochs) > 1 and epochs == list(range(1, len(epochs) + 1))
    # What the margin is for: bundle and report, on a machine that others use too.
    assert 0.4 * seconds < took < seconds + 5
