import math
import re
from typing import Any

import pytest

from auto_train.cli.epochs import (
    Table,
    as_log_line,
    as_memory,
    as_number,
    as_speed,
    epoch_cells,
    metric_keys,
    title,
)

ROW: dict[str, Any] = {
    "epoch": 3, "stage": "unfrozen", "lr": 0.00123, "seconds": 83.4, "images_per_s": 1234.5, "memory_mb": 900.0,
    "train/loss": 0.51234, "train/accuracy": 0.8, "valid/loss": 0.41, "valid/accuracy": 0.9, "valid/f1": 0.88,
    "ema_valid/loss": 0.4, "ema_valid/accuracy": 0.91,
}  # fmt: skip


def lines(width: int, row: dict[str, Any] = ROW) -> list[str]:
    return Table().lines(epoch_cells(row, 10), width)


def test_table_shows_losses_metrics_rate_speed_and_time_under_their_titles():
    header, row = lines(160)
    assert header == (
        "  epoch  stage     train loss  valid loss  accuracy      f1  ema accuracy       lr  images/s     time"
    )
    assert row == (
        "   3/10  unfrozen      0.5123      0.4100    0.9000  0.8800        0.9100  1.2e-03     1,234     1:23"
    )


def test_table_prints_its_header_once_and_again_when_the_columns_change():
    table = Table()
    cells = epoch_cells(ROW, 10)
    assert [len(table.lines(cells, width)) for width in (160, 160, 70, 70)] == [2, 1, 2, 1]
    assert len(table.lines(epoch_cells(ROW | {"valid/top5": 1.0}, 10), 160)) == 2


@pytest.mark.parametrize("width", range(20, 161))
def test_table_fits_the_terminal_and_keeps_what_matters_most(width: int):
    header, row = lines(width)
    assert re.split("  +", header.strip())[0] == "epoch" and "train loss  valid loss" in header
    if width >= 41:
        assert max(len(header), len(row)) <= width and "accuracy" in header


def test_table_rows_are_aligned_from_the_first_epoch_to_the_last():
    table = Table()
    rows = [
        table.lines(epoch_cells(ROW | {"epoch": epoch, "stage": stage, "train/loss": loss}, 100), 120)[-1]
        for epoch, stage, loss in [(1, "frozen", 12.5), (99, "unfrozen", 0.00001), (100, "all", math.nan)]
    ]
    assert len({len(row) for row in rows}) == 1
    assert len({row.index("0.9000") for row in rows}) == 1


def test_log_line_says_everything_without_a_header():
    assert as_log_line(ROW, 10) == (
        "epoch 3/10  unfrozen  train/loss 0.5123  valid/loss 0.4100  valid/accuracy 0.9000  valid/f1 0.8800  "
        "ema_valid/accuracy 0.9100  lr 1.2e-03  1,234 images/s  1:23"
    )


def test_epoch_without_evaluation_or_total_is_shown_with_what_it_has():
    row = {"epoch": 2, "stage": None, "train/loss": math.nan}
    assert as_log_line(row, None) == "epoch 2  train/loss nan  lr -  - images/s  -"
    header, line = lines(100, row)
    assert line.split() == ["2/10", "nan", "-", "-", "-", "-"] and "accuracy" not in header


def test_metrics_of_the_validation_come_first_and_training_and_losses_not_at_all():
    row = {"train/f1": 1, "test/f1": 1, "valid/loss": 1, "valid/f1": 1, "ema_test/f1": 1, "lr": 1}
    assert metric_keys(row) == ["valid/f1", "test/f1", "ema_test/f1"]
    assert [title(key) for key in metric_keys(row)] == ["f1", "test f1", "ema test f1"]


def test_numbers_are_as_long_as_they_need_to_be():
    assert [as_number(value) for value in (None, 0.5, -1.25, 123456.0, 1e30)] == [
        "-", "0.5000", "-1.2500", "1.235e+05", "1e+30",
    ]  # fmt: skip
    assert [as_speed(value) for value in (None, 0.123, 3.21, 45.6, 12345.6)] == ["-", "0.12", "3.2", "46", "12,346"]
    assert [as_memory(value) for value in (512.4, 999.9, 1234.5)] == ["512 MB", "1000 MB", "1.2 GB"]
