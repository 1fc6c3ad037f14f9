import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from auto_train.jobs.files import read_progress
from auto_train.jobs.training import Told
from auto_train.types import Progress

TRAIN = """
import signal, sys, time
from pathlib import Path
from auto_train.jobs.training import as_job
from auto_train.types import Progress

def end(*signal):
    Path(sys.argv[1], "saved").write_text(sys.stdin.read())
    sys.exit(130)

signal.signal(signal.SIGTERM, end)
tell = as_job(Path(sys.argv[1]), lambda event: None)
tell(Progress(stage="start", run=Path("here")))
for second in range(60):
    print("lost", flush=True)
    time.sleep(1)
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_is_kept_whole_with_the_run_and_the_last_message(tmp_path: Path) -> None:
    heard: list[Progress] = []
    tell = Told(tmp_path / "progress.json", heard.append)
    row = {"epoch": 2, "train/loss": float("nan")}
    events = [
        Progress(stage="start", run=tmp_path),
        Progress(stage="train", message="Using learning rate: <b>3</b>"),
        Progress(stage="train", done=1.5, total=3, eta_s=7, row=row),
        Progress(stage="train", message="a remark"),
        Progress(stage="train", done=2, total=3, eta_s=6, row=row, epoch_ended=True),
    ]
    for event in events:
        tell(event)
    assert heard == events
    assert read_progress(tmp_path) == {
        "stage": "train", "done": 2, "total": 3, "eta_s": 6, "message": "a remark", "run": str(tmp_path),
        "row": {"epoch": 2, "train/loss": None}, "epoch_ended": True,
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_progress_inside_an_epoch_is_written_once_a_second(tmp_path: Path) -> None:
    clock = Clock()
    tell = Told(tmp_path / "progress.json", lambda event: None, clock=clock)
    seen: list[Any] = []
    for done, now in [(0.1, 0), (0.2, 0.5), (0.3, 1.1), (0.4, 1.5)]:
        clock.now = now
        tell(Progress(stage="train", done=done, total=1))
        seen.append(json.loads((tmp_path / "progress.json").read_text())["done"])
    assert seen == [0.1, 0.1, 0.3, 0.3]


def test_progress_that_cannot_be_written_does_not_end_the_training(tmp_path: Path) -> None:
    heard: list[Progress] = []
    Told(tmp_path / "gone" / "progress.json", heard.append)(Progress(stage="train", epoch_ended=True))
    assert len(heard) == 1


def test_training_whose_worker_is_gone_saves_its_state_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout and process.stdout.readline() == b"lost\n"
        process.stdout.close()
        process.stdin.close()
        assert process.wait(20) == 130
    assert (tmp_path / "saved").read_text() == ""
    assert read_progress(tmp_path) == {**vars(Progress(stage="start")), "row": {}, "run": "here"}
