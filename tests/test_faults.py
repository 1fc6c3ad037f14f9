"""A training that is killed, stopped, out of disk or of memory, as a real process: what it leaves, how it goes on."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import DiskOf
from tests.processes import Trainer, start
from tests.tiny import write_digits, write_ini

# Everything that draws numbers or has a state is on; a checkpoint is due eight times a second.
STRICT = [
    "training.reproducible=strict",
    "training.checkpoint_minutes=0.002",
    "training.scheme.epochs=3",
    "training.scheme.freeze_epochs=1",
    "training.scheme.accumulate=2",
    "training.scheme.ema_decay=0.9",
    "training.scheme.early_stop=5",
    "training.scheme.mixup=0.2",
    "training.scheme.amp=auto",
    "architecture.backbone.drop_rate=0.2",
]
# What a clock has said, or what says when something was.
CLOCKED = {"seconds", "images_per_s", "memory_mb"}


def run_of(folder: Path) -> Path:
    return (folder / "project/runs/latest").resolve()


def status(folder: Path) -> str:
    file = run_of(folder) / "STATUS"
    return file.read_text().strip() if file.is_file() else ""


def rows(run: Path) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCKED} for line in lines]


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Compare everything in two checkpoints, tensors bit for bit."""
    assert type(found) is type(expected), where
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for number, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected), where
    else:
        assert found == expected, where


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 360 real digits."""
    return write_digits(tmp_path_factory.mktemp("digits"), {str(digit): 36 for digit in range(10)})


def begin(folder: Path, data: Path, *words: str, memory_mb: int | None = None) -> Trainer:
    return start(folder, f"--config={write_ini(folder, data)}", "--offline", *words, memory_mb=memory_mb)


class Whole:
    """The training that nothing has happened to."""

    def __init__(self, folder: Path, data: Path):
        assert begin(folder, data, "training.scheme.epochs=0").wait() == 0  # the first one of all imports everything
        begun = time.monotonic()
        trainer = begin(folder, data, *STRICT)
        assert trainer.wait() == 0, trainer.stderr
        self.seconds = time.monotonic() - begun
        self.folder, self.data, self.run = folder, data, run_of(folder)
        self.weights = torch.load(folder / "project/models/model.pth", weights_only=True)

    def first_or_next(self, folder: Path) -> Trainer:
        """Start the training, or go on with it once it has a config; before that nothing can go on."""
        if (run_of(folder) / "config.ini").is_file():
            return start(folder, f"--resume={run_of(folder)}")
        return begin(folder, self.data, *STRICT)

    def train_through_kills(self, folder: Path, delays: list[float]) -> int:
        """Kill the training after each of these times, then let it end; return how often it was killed."""
        kills = 0
        for delay in delays:
            trainer = self.first_or_next(folder)
            if not trainer.kill(delay):
                return kills
            assert trainer.process.exitcode == -signal.SIGKILL, trainer.stderr
            kills += 1
            if status(folder) == "done":
                return kills
        trainer = self.first_or_next(folder)
        assert trainer.wait() == 0, trainer.stderr
        return kills

    def assert_equals(self, folder: Path) -> None:
        """Compare weights, checkpoints and metrics with those of a training that was stopped on its way."""
        run = run_of(folder)
        assert status(folder) == "done"
        assert_same(torch.load(folder / "project/models/model.pth", weights_only=True), self.weights)
        for name in ("last.ckpt", "best.ckpt"):
            states = [torch.load(path / "checkpoints" / name, weights_only=True) for path in (run, self.run)]
            for state in states:
                state["plan"].pop("config")  # has the folder in it
            assert_same(*states)
        assert rows(run) == rows(self.run)
        assert [row.get("epoch") for row in rows(run)] == [1, 2, 3, 4, None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"), digits)


def test_training_killed_at_random_points_ends_with_the_same_weights(whole: Whole, tmp_path: Path):
    delays = [whole.seconds * random.Random(1).uniform(0.2, 0.9) for _ in range(4)]
    assert whole.train_through_kills(tmp_path, delays) >= 2
    whole.assert_equals(tmp_path)


@pytest.mark.slow
def test_training_killed_at_twenty_random_points_ends_with_the_same_weights(whole: Whole, tmp_path: Path):
    draw, kills, number = random.Random(2), 0, 0
    while kills < 20:
        folder, number = tmp_path / str(number), number + 1
        delays = [whole.seconds * draw.uniform(0.05, 1.0) for _ in range(6)]
        kills += whole.train_through_kills(folder, delays)
        whole.assert_equals(folder)


# Being asked to stop


def test_stop_in_the_middle_of_an_epoch_keeps_the_place_and_the_weights(whole: Whole, tmp_path: Path):
    trainer = begin(tmp_path, whole.data, *STRICT)
    trainer.wait_for(run_of, tmp_path, "metrics.jsonl")
    os.kill(trainer.process.pid, signal.SIGTERM)
    assert trainer.wait() == 130, trainer.stderr
    run = run_of(tmp_path)
    runner = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["runner"]
    assert runner["epoch"] >= 1 and runner["iter"] % 2 == 0 and status(tmp_path) == "interrupted"
    shown = run.relative_to(tmp_path)
    assert trainer.stderr.endswith(
        f"stopped: {run}/checkpoints/last.ckpt: training was stopped after {runner['epoch']} of 4 epochs; "
        f"the state is saved\n  go on: python main.py train --resume {shown}\n"
    )
    resumed = start(tmp_path, f"--resume={shown}")
    assert resumed.wait() == 0, resumed.stderr
    whole.assert_equals(tmp_path)
    assert f"Resuming {shown}: " in resumed.stderr


def test_two_trainings_of_one_run_are_refused_naming_the_first(whole: Whole, tmp_path: Path):
    first = begin(tmp_path, whole.data, "training.scheme.epochs=1000")
    first.wait_for(run_of, tmp_path, "metrics.jsonl")
    second = start(tmp_path, f"--resume={run_of(tmp_path)}")
    assert second.wait() == 2
    assert f"this run is being trained by process {first.process.pid} on " in second.stderr
    first.process.terminate()
    assert first.wait() == 130 and status(tmp_path) == "interrupted"


@pytest.mark.slow
def test_training_killed_in_its_evaluation_is_finished_by_a_resume(whole: Whole, tmp_path: Path):
    trainer = begin(tmp_path, whole.data, *STRICT)
    trainer.wait_for(run_of, tmp_path, "bundle/model/config.json")
    trainer.process.kill()
    trainer.wait()
    assert status(tmp_path) == "running"
    resumed = start(tmp_path, "--resume=latest", f"--config={tmp_path}/tiny.ini")
    assert resumed.wait() == 0, resumed.stderr
    whole.assert_equals(tmp_path)


# Out of room


def test_training_goes_on_once_a_full_disk_has_room_again(whole: Whole, disk_of: DiskOf):
    small_disk = disk_of(24)
    trainer = begin(small_disk, whole.data, *STRICT)
    trainer.wait_for(run_of, small_disk, "metrics.jsonl")
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(24 * 2**20))
    assert trainer.wait() == 4, trainer.stderr
    run = run_of(small_disk)
    assert "free some space there; the files written before are whole\n  then go on: python main.py" in trainer.stderr
    assert status(small_disk) == "failed" and not list(run.rglob("*.part"))
    torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    filler.unlink()
    resumed = start(small_disk, f"--resume={run}")
    assert resumed.wait() == 0, resumed.stderr
    whole.assert_equals(small_disk)


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 180 real digits, 140 of them for training."""
    return write_digits(tmp_path_factory.mktemp("few_digits"), {"0": 60, "1": 60, "2": 60})


BIG = ["architecture.image_size=112", "training.scheme.batch_size=128"]


def test_training_with_too_little_memory_goes_on_with_smaller_batches(few_digits: Path, tmp_path: Path):
    trainer = begin(tmp_path, few_digits, *BIG, memory_mb=480)
    assert trainer.wait() == 0, trainer.stderr
    assert "warning: not enough memory: going on with batches of 64, 2 of them to a step" in trainer.stderr
    state = torch.load(run_of(tmp_path) / "checkpoints/last.ckpt", weights_only=True)
    assert state["loader"]["bs"] <= 64 and state["loader"]["bs"] * state["loader"]["accumulate"] == 128
    assert state["runner"]["step"] == 1


# What cannot be had is one large tensor. Where memory ends in many small pieces instead, oneDNN may be what finds none,
# for the code of a kernel, and it calls that kernel all the same: the process is lost, as by a kill.
HUGE = ["architecture.image_size=1024", "training.scheme.batch_size=2", "training.data.cache_mb=0"]


def test_training_that_does_not_fit_at_all_is_exit_4_with_what_to_do(few_digits: Path, tmp_path: Path):
    trainer = begin(tmp_path, few_digits, *HUGE, memory_mb=500)
    assert trainer.wait() == 4, trainer.stderr
    assert "warning: not enough memory: going on with batches of 1, 2 of them to a step" in trainer.stderr
    assert "out of memory with batches of 1" in trainer.stderr and "smaller" in trainer.stderr
    assert "then go on: python main.py train --resume project/runs/" in trainer.stderr
    assert status(tmp_path) == "failed" and "Traceback" not in trainer.stderr
