"""A training that is killed, stopped, out of disk or of memory, as a real process: what it leaves, how it goes on."""

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.processes import Trainer, start
from tests.tiny import write_digits, write_ini

# Everything that draws numbers or has a state is on; a checkpoint is due twenty times a second.
STRICT = [
    "training.reproducible=strict",
    "training.checkpoint_minutes=0.0008",
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
    """Return a folder of 500 real digits."""
    return write_digits(tmp_path_factory.mktemp("digits"), {str(digit): 50 for digit in range(10)})


def begin(folder: Path, data: Path, *words: str) -> Trainer:
    return start(folder, f"--config={write_ini(folder, data)}", "--offline", *words)


class Whole:
    """The training that nothing has happened to."""

    def __init__(self, folder: Path, data: Path):
        assert begin(folder, data, "training.scheme.epochs=0").wait() == 0  # the first one of all imports everything
        begun = time.monotonic()
        trainer = begin(folder, data, *STRICT)
        assert trainer.wait() == 0, trainer.stderr
        self.seconds = time.monotonic() - begun
        self.data, self.run = data, run_of(folder)
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
