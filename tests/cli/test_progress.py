import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

import pytest

from auto_train.cli.progress import show_progress
from auto_train.types import Progress

ROW = {"epoch": 2, "stage": "all", "train/loss": 0.5, "valid/loss": 0.25, "valid/accuracy": 0.9, "images_per_s": 800.0}
EPOCH = Progress(stage="train", done=2, total=8, row=ROW, epoch_ended=True)
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(code: str, width: int = 80, **env: str) -> tuple[list[str], bytes]:
    """Return the lines that a program's stderr wrote to a terminal, without control codes, and what its stdout has."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    program = "from auto_train.cli.progress import show_progress; from auto_train.types import Progress\n" + code
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=variables | {"TERM": "xterm-256color"} | env,
    )
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux's way of saying that nobody writes any more
            break
        if not part:
            break
        written += part
    os.close(ours)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    return re.split(r"[\r\n]+", TERMINAL_CODES.sub("", written.decode())), out


TRAINING = f"""
import time
with show_progress() as console:
    console(Progress(stage="check [x]", done=5, total=10)); time.sleep(0.3)
    for epoch in (1, 2):
        for step in range(3):
            row = {ROW!r} | {{"epoch": epoch, "memory_mb": 900.0, "train/accuracy": 0.5}}
            console(Progress(stage="train", done=epoch - 1 + (step + 1) / 4, total=2, eta_s=75, row=row))
            time.sleep(0.15)
        console(Progress(stage="train", done=epoch, total=2, row=row, epoch_ended=True))
    console(Progress(stage="train", message="one [epoch]"))
    print("printed by a user's function")
"""


def test_piped_progress_is_one_line_per_epoch_on_stderr(capsys: pytest.CaptureFixture[str]):
    from loguru import logger

    with show_progress() as console:
        console(Progress(stage="check", done=10, total=100))
        console(Progress(stage="train", message="Training from scratch!"))
        for done in (0.25, 0.5, 0.75):
            console(Progress(stage="train", done=done, total=8, row={"epoch": 1, "train/loss": 1.0}))
        console(EPOCH)
        logger.info("not shown")
        logger.warning("look [here]")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "train  Training from scratch!",
        "epoch 2/8  all  train/loss 0.5000  valid/loss 0.2500  valid/accuracy 0.9000  lr -  800 images/s  -",
        "warning: look [here]",
    ]
    assert console.warned == ["look [here]"]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminal_shows_a_bar_and_a_table_of_epochs_that_fit(width: int):
    lines, out = on_terminal(TRAINING, width)
    assert out == b"printed by a user's function\n"
    assert max(len(line) for line in lines) <= width
    assert any(line.startswith("check [x]  ━") and "50%" in line for line in lines)
    assert any(line.startswith("epoch 1/2  ━") and "loss 0.5000" in line and "eta 1:15" in line for line in lines)
    headers = [line for line in lines if "train loss" in line]
    assert len(headers) == 1 and ("lr" in headers[0]) == (width > 60)
    finished = [line for line in lines if re.match(r" +[12]/2 .* 0\.5000 +0\.2500 +0\.9000", line)]
    assert [line.split()[0] for line in finished] == ["1/2", "2/2"]
    assert "train  one [epoch]" in lines


def test_terminal_that_cannot_move_its_cursor_gets_lines():
    lines, _ = on_terminal(TRAINING, TERM="dumb")
    assert [line for line in lines if line] == [
        "epoch 1/2  all  train/loss 0.5000  valid/loss 0.2500  valid/accuracy 0.9000  lr -  800 images/s  -",
        "epoch 2/2  all  train/loss 0.5000  valid/loss 0.2500  valid/accuracy 0.9000  lr -  800 images/s  -",
        "train  one [epoch]",
    ]


def test_terminal_is_left_as_it_was_after_an_error():
    code = """
import sys
try:
    with show_progress() as console:
        console(Progress(stage="x"))
        raise KeyError
except KeyError:
    print("after", file=sys.stderr)
"""
    lines, _ = on_terminal(code)
    assert [line for line in lines if line.strip()][-1] == "after"
