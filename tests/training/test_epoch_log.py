import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from auto_train.training.epoch_log import EpochLog
from auto_train.training.run_folder import RunFolder
from auto_train.training.schedule import OneCycle
from auto_train.training.stages import Stage
from auto_train.types import Progress

Make = Callable[..., Any]
NAN = math.nan


def stage(epochs: int, rate: float = 0.01) -> Stage:
    return Stage(name="all", epochs=epochs, schedule=OneCycle([rate]))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path)


def rows(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def test_epoch_log_writes_a_line_per_epoch_and_tells_the_listener(make_learner: Make, run: RunFolder):
    told: list[Progress] = []
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, 3, told.append)]):
        learn.fit_stages([Stage(name="frozen", epochs=1, frozen=True, schedule=OneCycle([0.01])), stage(2)])
    assert [(row["epoch"], row["stage"]) for row in rows(run)] == [(1, "frozen"), (2, "all"), (3, "all")]
    assert all(
        {"train/loss", "valid/loss", "train/accuracy", "lr", "images_per_s", "seconds"} <= row.keys()
        for row in rows(run)
    )
    assert learn.epochs_done == 3
    ends = [event for event in told if event.metrics]
    assert [event.done for event in ends] == [1, 2, 3] and {event.total for event in ends} == {3}
    assert ends[-1].metrics["valid/loss"] == learn.valid_means["loss"]


def test_epoch_log_writes_nan_as_null(make_learner: Make, run: RunFolder):
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, 1, None)]), torch.no_grad():
        learn.model[1][0].weight.fill_(NAN)
        with torch.enable_grad():
            learn.fit_stage(stage(1))
    assert rows(run)[0]["valid/loss"] is None
