import io
from typing import Any

import pytest
from rich.console import Console

from auto_train.cli.bar import Bar
from auto_train.types import Progress

ROW = {
    "epoch": 3, "stage": "all", "lr": 1e-3, "seconds": 4.0, "images_per_s": 1234.5, "memory_mb": 1234.5,
    "device_memory_mb": 3400.0, "train/loss": 0.51234, "train/accuracy": 0.8,
}  # fmt: skip
EPOCH = Progress(stage="train", done=2.5, total=10, eta_s=83, row=ROW)


def drawn(width: int, *events: Progress) -> str:
    bar = Bar()
    for event in events:
        bar.update(event)
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(bar, end="")
    out: Any = console.file
    return str(out.getvalue())


def test_bar_of_an_epoch_shows_loss_metric_speed_memory_and_time_left():
    text = drawn(160, EPOCH)
    assert text.startswith("epoch 3/10  ━")
    assert text.endswith("  loss 0.5123  accuracy 0.8000  1,234 img/s  1.2 GB  3.4 GB GPU  eta 1:23")


@pytest.mark.parametrize(
    ("width", "facts"),
    [
        (80, "  loss 0.5123  accuracy 0.8000  1,234 img/s  eta 1:23"),
        (60, "  loss 0.5123  1,234 img/s  eta 1:23"),
        (42, "  loss 0.5123  eta 1:23"),
        (32, "  loss 0.5123"),
    ],
)
def test_bar_on_a_narrow_terminal_leaves_out_what_matters_least(width: int, facts: str):
    text = drawn(width, EPOCH)
    assert text.endswith(facts) and "━" in text and len(text) <= width


@pytest.mark.parametrize("width", range(1, 200))
def test_bar_is_never_wider_than_the_terminal(width: int):
    events = (EPOCH, Progress(stage="a rather long name of a stage", done=1, total=3), Progress(stage="export"))
    for event in events:
        assert len(drawn(width, event)) <= width


def test_bar_is_full_in_the_measure_of_its_epoch():
    assert drawn(400, EPOCH).count("━") == 20  # half of the 40 it is at most
    ended = Progress(stage="train", done=3, total=10, row=ROW, epoch_ended=True)
    assert drawn(400, ended).count("━") == 40


def test_bar_of_another_stage_shows_its_share_and_time_left():
    text = drawn(
        80, Progress(stage="download mnist", done=0, total=10), Progress(stage="download mnist", done=5, total=10)
    )
    assert text.startswith("download mnist  ━") and text.endswith("   50%  eta 0:00")


def test_bar_stays_when_a_message_comes():
    assert drawn(80, EPOCH, Progress(stage="train", message="The plan has changed")).startswith("epoch 3/10")


def test_bar_of_a_stage_without_a_total_moves_without_numbers():
    text = drawn(80, EPOCH, Progress(stage="export"))
    assert text.startswith("export  ") and "━" in text and "%" not in text


def test_bar_before_the_first_event_is_empty():
    assert drawn(80) == ""
