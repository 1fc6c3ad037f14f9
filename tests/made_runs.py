"""Run folders made in no time: the files a training leaves, with what a test wants in them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFIG = """\
[project]
name = made

[architecture]
# side of the square
image_size = 28

[architecture.backbone]
model = resnet18
pretrained = false
weights = none

[training]
minutes = none

[training.scheme]
epochs = {epochs}
freeze_epochs = none
"""
HOLD = """\
import sys, time
from pathlib import Path
from auto_train.runs.lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def row(epoch: int, **more: Any) -> dict[str, Any]:
    """Return an epoch's line of metrics.jsonl."""
    share = 1 - 0.8 / epoch
    return {
        "epoch": epoch,
        "stage": "all",
        "train/loss": 1.5 / epoch,
        "train/accuracy": share,
        "valid/loss": 1.8 / epoch,
        "valid/accuracy": share - 0.05,
        **more,
    }


def make_run(
    location: Path,
    name: str = "20261121-134959-b215d2",
    *,
    status: str = "done",
    rows: Sequence[dict[str, Any]] = (),
    planned: int = 8,
    final: dict[str, Any] | None = None,
    log: str = "",
) -> Path:
    """Write ``<location>/runs/<name>``.

    Args:
        rows: lines of metrics.jsonl.
        final: metrics of the finished model.
    """
    run = location / "runs" / name
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.ini").write_text(CONFIG.format(epochs=planned))
    (run / "STATUS").write_text(f"{status}\n")
    lines = [*rows, *([{"final": True, **final}] if final else [])]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "events.jsonl").write_text(json.dumps({"event": "data", "splits": {"train": 60, "valid": 12}}) + "\n")
    (run / "log.txt").write_text(log)
    return run


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold a run as the process that trains it does."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()
