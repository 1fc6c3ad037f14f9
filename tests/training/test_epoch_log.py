import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from auto_train.runs.folder import RunFolder
from auto_train.training.epoch_log import PROGRESS_INTERVAL_S, EpochLog, truncate_after
from auto_train.training.loggers.base import Status
from auto_train.training.loggers.feed import Feed
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage
from auto_train.types import Progress, as_plain
from tests.training.conftest import Points

Make = Callable[..., Any]
NAN = math.nan


def stage(epochs: int, rate: float = 0.01) -> Stage:
    return Stage(name="all", epochs=epochs, schedule=OneCycle([rate]))


FROZEN = Stage(name="frozen", epochs=1, frozen=True, schedule=OneCycle([0.01]))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path)


def rows(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


class Slow(Points):
    """Points whose batches take 30 ms each, in training and in evaluation."""

    def pre_batch_forward(self, batch: Any) -> None:
        time.sleep(0.03)


class Kept:
    """A logger that keeps its rows."""

    next_step = ""

    def __init__(self) -> None:
        self.rows: list[tuple[Mapping[str, float], int]] = []

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        return ""

    def log(self, row: Mapping[str, float], step: int) -> None:
        self.rows.append((row, step))

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        pass


def test_epoch_log_writes_a_line_per_epoch_with_the_documented_keys(make_learner: Make, run: RunFolder):
    learn = make_learner()
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stages([FROZEN, stage(2)])
    assert [(row["epoch"], row["stage"]) for row in rows(run)] == [(1, "frozen"), (2, "all"), (3, "all")]
    passes = {f"{split}/{name}" for split in ("train", "valid") for name in ("loss", "accuracy", "seen")}
    assert {frozenset(row) for row in rows(run)} == {
        frozenset({"epoch", "stage", "lr", "seconds", "images_per_s", "memory_mb", *passes})
    }
    assert rows(run)[-1]["valid/loss"] == learn.valid_means["loss"]


def test_epoch_log_adds_the_passes_over_averaged_weights_and_the_test_split(make_learner: Make, run: RunFolder):
    learn = make_learner(ema_decay=0.9)
    learn.dls.test = learn.dls.valid
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stage(stage(1))
    assert {"valid/accuracy", "test/accuracy", "ema_valid/accuracy", "ema_test/accuracy"} <= rows(run)[0].keys()


def test_epoch_log_measures_speed_time_and_memory(make_learner: Make, run: RunFolder):
    learn = make_learner(task=Slow(), n=24, batch_size=8)  # 3 training batches, 2 of validation
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stage(stage(1))
    (row,) = rows(run)
    # 24 images in at least 90 ms; a machine may be slower than it should, not faster.
    assert 5 < row["images_per_s"] <= 24 / 0.09
    assert 0.15 <= row["seconds"] < 5
    assert row["memory_mb"] == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.2)


def test_epoch_log_writes_nan_as_null(make_learner: Make, run: RunFolder):
    learn = make_learner()
    with learn.added_cbs([EpochLog(run)]), torch.no_grad():
        learn.model[1][0].weight.fill_(NAN)
        with torch.enable_grad():
            learn.fit_stage(stage(1))
    assert rows(run)[0]["valid/loss"] is None


def test_epoch_log_line_can_be_read_as_soon_as_its_epoch_has_ended(make_learner: Make, run: RunFolder):
    read: list[int] = []
    learn = make_learner()
    learn.listeners.on("onEpochStart", lambda epoch: read.append(len(rows(run)) if epoch > 1 else 0))
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stage(stage(3))
    assert read == [0, 1, 2]


def test_epoch_log_tells_the_listener_of_every_epoch(make_learner: Make, run: RunFolder):
    told: list[Progress] = []
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, told.append)]):
        learn.fit_stages([FROZEN, stage(2)])
    ends = [event for event in told if event.epoch_ended]
    assert [(event.stage, event.done, event.total) for event in ends] == [("train", n, 3) for n in (1, 2, 3)]
    assert [as_plain(event.row) for event in ends] == rows(run)


def test_epoch_log_tells_within_an_epoch_how_far_it_is_and_how_long_it_takes(make_learner: Make, run: RunFolder):
    told: list[Progress] = []
    # 24 batches of training and 2 of validation: 0.8 s an epoch, two epochs
    learn = make_learner(task=Slow(), n=24, batch_size=1, has_batch_norm=False)
    began = time.monotonic()
    with learn.added_cbs([EpochLog(run, told.append)]):
        learn.fit_stage(stage(2))
    seconds = time.monotonic() - began
    assert len(told) <= 2 + seconds / PROGRESS_INTERVAL_S + 1 and len(told) >= 6
    assert [event.done for event in told] == sorted(event.done for event in told)
    within = [event for event in told if not event.epoch_ended]
    assert {"train/loss", "train/accuracy", "images_per_s", "memory_mb", "lr"} <= within[0].row.keys()
    assert within[0].row["epoch"] == 1 and within[-1].row["epoch"] == 2
    assert within[0].eta_s is None  # nothing is measured after one batch
    (first_end,) = [event for event in told if event.epoch_ended and event.done == 1]
    assert first_end.eta_s == pytest.approx(seconds / 2, rel=0.4)
    assert told[-1].eta_s == 0


def test_epoch_log_hands_every_row_to_the_loggers(make_learner: Make, run: RunFolder):
    kept = Kept()
    feed = Feed({"kept": kept})
    feed.start(run.path, "name", {})
    learn = make_learner()
    with learn.added_cbs([EpochLog(run, feed=feed)]):
        learn.fit_stages([FROZEN, stage(1)])
    feed.finish("done", {})
    assert [step for _, step in kept.rows] == [1, 2]
    assert kept.rows[-1][0]["valid/loss"] == learn.valid_means["loss"]


# truncate_after


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    path = tmp_path / "metrics.jsonl"

    def make(text: str) -> Path:
        path.write_text(text)
        return path

    yield make
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]


LINES = ['{"epoch": 1, "train/loss": 1.0}\n', '{"epoch": 2,  "stage": "größe"}\n', '{"epoch": 3}\n']


@pytest.mark.parametrize(
    ("text", "epoch", "kept"),
    [
        ("".join(LINES), 3, LINES),  # as it is, down to the blanks
        ("".join(LINES), 2, LINES[:2]),
        ("".join(LINES), 0, []),
        ("".join(LINES) + '{"final": true, "valid/accuracy": 0.5}\n', 3, LINES),
        (LINES[0] + '{"epoch": 2, "tra', 2, LINES[:1]),  # torn
        (LINES[0] + '{"epoch": 2, "tra' + LINES[2], 3, LINES[:1]),  # torn, and something written behind it
        (LINES[0] + LINES[2].rstrip(), 3, [LINES[0], LINES[2]]),  # whole but for the line end
        (LINES[0] + "7\n\n[1]\n", 3, LINES[:1]),
        ("", 3, []),
    ],
)
def test_truncate_keeps_the_whole_rows_up_to_an_epoch(write, text: str, epoch: int, kept: list[str]):
    path = write(text)
    truncate_after(path, epoch)
    assert path.read_text() == "".join(kept)


def test_truncate_leaves_a_file_alone_that_is_as_it_should_be(write):
    path = write("".join(LINES))
    before = path.stat()
    truncate_after(path, 3)
    assert path.stat().st_ino == before.st_ino and path.stat().st_mtime_ns == before.st_mtime_ns


def test_truncate_passes_where_there_is_no_file(tmp_path: Path):
    truncate_after(tmp_path / "metrics.jsonl", 3)
    assert not list(tmp_path.iterdir())


def test_truncated_log_goes_on_with_the_next_epoch(make_learner: Make, run: RunFolder):
    learn = make_learner()
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stage(stage(3))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "st')
    truncate_after(run.path / "metrics.jsonl", 2)
    learn.epochs_done = 2
    with learn.added_cbs([EpochLog(run)]):
        learn.fit_stage(stage(2))
    assert [row["epoch"] for row in rows(run)] == [1, 2, 3, 4]
