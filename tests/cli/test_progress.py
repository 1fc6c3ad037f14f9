import os
import pty
import subprocess
import sys

import pytest

from auto_train.cli.progress import as_line, shown
from auto_train.types import Progress

EPOCH = Progress(stage="train", done=2, total=8, metrics={"valid/accuracy": 0.9}, message="800 images/s")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Progress(stage="check", done=10, total=100), ""),
        (Progress(stage="train", message="Training from scratch!"), "train  Training from scratch!"),
        (EPOCH, "train 2/8  valid/accuracy 0.9000  800 images/s"),
    ],
)
def test_line_is_worth_a_message_or_an_epoch(event: Progress, line: str) -> None:
    assert as_line(event) == line


def test_piped_progress_is_one_line_per_epoch_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    from loguru import logger

    with shown() as console:
        for done in (0.25, 0.5, 0.75):
            console(Progress(stage="train", done=done, total=8))
        console(EPOCH)
        logger.info("not shown")
        logger.warning("look [here]")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [as_line(EPOCH), "warning: look [here]"]
    assert console.warned == ["look [here]"]


def test_terminal_progress_is_a_bar_on_stderr() -> None:
    code = (
        "from auto_train.cli.progress import shown; from auto_train.types import Progress\n"
        "with shown() as console:\n"
        "    console(Progress(stage='check [x]', done=5, total=10))\n"
        "    console(Progress(stage='train', done=1, total=2, message='one [epoch]'))\n"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b""
    assert "one [epoch]" in text
    assert "%" in text
