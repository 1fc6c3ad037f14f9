"""``train --workers N`` as a user runs it: the same training in one process and in two, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from auto_train.training.checkpoints.checkpoint import load_checkpoint
from tests.conftest import ROOT, RunCli
from tests.tiny import write_digits, write_ini

# Nothing random in the batches, statistics that do not depend on them, and an optimizer that rounding cannot lead
# elsewhere: what is left of a difference between one process and two is in the last digits.
SAME = """
[training.augment]
flip = false
rotate = 0
zoom = 0
shift = 0
colour = 0

[training.scheme]
epochs = 3
batch_size = 16
optimizer = sgd
learning_rate = 0.05
freeze_bn = true
amp = false
channels_last = false
"""


ENDLESS = "training.scheme.epochs=3000"


@dataclass(frozen=True)
class Run:
    """A finished training."""

    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @property
    def status(self) -> str:
        return (self.folder / "STATUS").read_text().strip()

    def weights(self) -> dict[str, torch.Tensor]:
        weights: dict[str, torch.Tensor] = load_checkpoint(self.folder / "checkpoints" / "last.ckpt")["model"]
        return weights


def latest(folder: Path) -> Run:
    return Run((folder / "project" / "runs" / "latest").resolve())


def assert_same_training(found: Run, expected: Run) -> None:
    weights = found.weights()
    for name, value in expected.weights().items():
        torch.testing.assert_close(weights[name], value, atol=1e-5, rtol=0)
    for row, other in zip(found.rows(), expected.rows(), strict=True):
        assert {name for name in row if "/" in name} == {name for name in other if "/" in name}
        for name in (name for name in row if "/" in name):
            # It counts which answers stand before others: two that are almost equal may change places.
            limit = 1e-2 if name.endswith("roc_auc") else 1e-4
            assert row[name] == pytest.approx(other[name], abs=limit), name


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return images whose number divides by nothing."""
    return write_digits(tmp_path_factory.mktemp("data"), {"0": 25, "1": 24, "2": 22})


@pytest.fixture(scope="module")
def ini(data: Path) -> Callable[[Path], Path]:
    """Return a function that writes the INI into a folder."""

    def write(folder: Path) -> Path:
        file = write_ini(folder, data)
        text = file.read_text()
        for section in ("training.augment", "training.scheme"):
            before, _, after = text.partition(f"[{section}]\n")
            text = before + after[after.index("\n[") + 1 :]
        file.write_text(text + SAME)
        return file

    return write


@pytest.fixture(scope="module")
def single_run(run_cli: RunCli, ini: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("one")
    done = run_cli("train", f"--config={ini(folder)}")
    assert done.returncode == 0, done.stderr
    return latest(folder)


@pytest.fixture(scope="module")
def two(
    run_cli: RunCli, ini: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> "tuple[Run, subprocess.CompletedProcess[str]]":
    folder = tmp_path_factory.mktemp("two")
    done = run_cli("train", f"--config={ini(folder)}", "--workers=2", "--json")
    assert done.returncode == 0, done.stderr
    return latest(folder), done


@pytest.mark.slow
def test_two_workers_train_what_one_process_trains(single_run: Run, two: Any):
    assert_same_training(two[0], single_run)


@pytest.mark.slow
def test_workers_answer_as_one_program(two: Any):
    run, done = two
    started, found = [json.loads(line) for line in done.stdout.splitlines()]
    assert (started["type"], found["type"], found["run"]) == ("started", "run", str(run.folder))
    assert found["metrics"] == {name: value for name, value in run.rows()[-1].items() if "/" in name}
    epochs = [line for line in done.stderr.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 3
    assert "2 workers" in done.stderr
    assert run.json("env.json")["workers"] == 2
    assert run.status == "done"
    assert len(list(run.folder.parent.glob("2*"))) == 1


class Training:
    """A training of two workers that goes on until it is ended."""

    def __init__(self, folder: Path, ini: Path):
        self.folder = folder
        self.process = subprocess.Popen(
            [
                sys.executable,
                ROOT / "main.py",
                "train",
                f"--config={ini}",
                "--workers=2",
                "training.scheme.epochs=3000",
            ],
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        checkpoint = folder / "project/runs/latest/checkpoints/last.ckpt"
        end = time.monotonic() + 120
        while not checkpoint.is_file():
            assert self.process.poll() is None and time.monotonic() < end, self.stderr()
            time.sleep(0.1)
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        self.workers = [child for child in self.family if "auto_train.training.workers.worker" in child.cmdline()]

    def stderr(self) -> str:
        return self.process.communicate(timeout=60)[1]

    def leaves_nothing(self) -> bool:
        return not psutil.wait_procs(self.family, timeout=10)[1]


@pytest.fixture
def training(tmp_path: Path, ini: Callable[[Path], Path]) -> Iterator[Training]:
    training = Training(tmp_path, ini(tmp_path))
    yield training
    training.process.kill()
    training.process.communicate()


@pytest.mark.slow
def test_worker_that_is_killed_ends_the_run_with_the_next_step(training: Training, run_cli: RunCli):
    training.workers[1].kill()
    began = time.monotonic()
    stderr = training.stderr()
    assert time.monotonic() - began < 20
    assert training.process.returncode == 4
    *_, error, memory, resume = stderr.splitlines()
    assert error == "error: worker 2 of 2 was killed by SIGKILL"
    assert memory.startswith("  if memory did not suffice:")
    run = latest(training.folder)
    here = run.folder.relative_to(training.folder)
    assert resume == f"  go on: python main.py train --resume {here} --workers 2"
    assert training.leaves_nothing()
    assert run.status == "failed"
    epochs = load_checkpoint(run.folder / "checkpoints/last.ckpt")["runner"]["epoch"]
    done = run_cli(
        "train", "--resume", run.folder, "--workers=2", f"training.scheme.epochs={epochs + 1}", cwd=training.folder
    )
    assert done.returncode == 0, done.stderr
    assert run.rows()[-2]["epoch"] == epochs + 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_saves_the_state_and_exits_130(training: Training, number: int):
    training.process.send_signal(number)
    stderr = training.stderr()
    assert training.process.returncode == 130
    assert "training was stopped after" in stderr
    assert stderr.splitlines()[-1].startswith("  go on: python main.py train --resume ")
    run = latest(training.folder)
    assert run.status == "interrupted"
    assert load_checkpoint(run.folder / "checkpoints/last.ckpt")["runner"]["end_reason"] == "interrupt"
    assert training.leaves_nothing()


@pytest.mark.slow
def test_program_that_is_killed_takes_its_workers_along(training: Training):
    assert len(training.workers) == 2
    training.process.kill()
    assert training.leaves_nothing()
    load_checkpoint(latest(training.folder).folder / "checkpoints/last.ckpt")


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_run_is_gone_on_with_by_another_number_of_workers(
    run_cli: RunCli, ini: Callable[[Path], Path], tmp_path: Path, before: int, after: int
):
    first = run_cli("train", f"--config={ini(tmp_path)}", f"--workers={before}", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    run = latest(tmp_path)
    resumed = run_cli("train", "--resume", run.folder, f"--workers={after}", "training.scheme.epochs=4", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert [row["epoch"] for row in run.rows()[:-1]] == [1, 2, 3, 4]
    assert run.json("env.json")["workers"] == after


@pytest.mark.slow
def test_torchrun_starts_the_same_training_and_only_the_first_worker_speaks(
    ini: Callable[[Path], Path], tmp_path: Path
):
    """With the LR finder, which the first worker runs while the other one waits."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, ROOT / "main.py", "train", f"--config={ini(tmp_path)}", "training.scheme.learning_rate=none"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("valid/accuracy") == 1
    assert done.stderr.count("Using learning rate") == 1
    run = latest(tmp_path)
    assert run.status == "done"
    assert run.json("env.json")["workers"] == 2
    assert (run.folder / "find_lr_plot.png").is_file()


def test_no_worker_is_refused(run_cli: RunCli, tmp_path: Path):
    done = run_cli("train", f"--config={write_ini(tmp_path)}", "--workers=0")
    assert done.returncode == 2
    assert "--workers" in done.stderr


def test_workers_within_torchrun_are_refused(run_cli: RunCli, tmp_path: Path):
    place = {"RANK": "0", "WORLD_SIZE": "2"}
    done = run_cli("train", f"--config={write_ini(tmp_path)}", "--workers=2", env=place)
    assert done.returncode == 2
    assert "this process is worker 1 of 2 already\n  leave --workers out" in done.stderr
