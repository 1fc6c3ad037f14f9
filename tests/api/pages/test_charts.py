import re
from typing import Any

import pytest

from auto_train.api.pages.charts import HEIGHT, MAX_POINTS, WIDTH, draw, draw_charts, sparkline, ticks
from auto_train.runs.listing import Metrics
from tests.made_runs import row


def metrics(*rows: dict[str, Any]) -> Metrics:
    return Metrics(epochs=rows, final={})


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.31, 0.69, [0.3, 0.4, 0.5, 0.6, 0.7]),
        (1.2, 9.0, [0, 2, 4, 6, 8, 10]),
        (0.5, 0.5, [0.44, 0.46, 0.48, 0.5, 0.52, 0.54, 0.56]),
        (-3.0, 4.0, [-4, -2, 0, 2, 4]),
    ],
)
def test_ticks_are_round_and_hold_the_range(low: float, high: float, expected: list[float]):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1e300, 1e301), (-1e-30, 1e-30), (0.0, 1e-12), (7.0, 7.0)])
def test_ticks_of_odd_ranges_are_few_and_hold_them(low: float, high: float):
    found = ticks(low, high)
    assert 2 <= len(found) <= 12
    assert found[0] <= low <= high <= found[-1] * (1 + 1e-9)


def test_ticks_of_epochs_are_whole_numbers():
    assert ticks(1, 4, whole=True) == [1, 2, 3, 4]
    assert ticks(1, 90, whole=True) == [0, 20, 40, 60, 80, 100]


def test_chart_has_a_line_per_pass_and_the_newest_values():
    loss, accuracy = draw_charts(metrics(*[row(n) for n in range(1, 6)]))
    assert (loss.title, accuracy.title) == ("loss", "accuracy")
    assert [(line.name, line.last) for line in loss.lines] == [("train", 0.3), ("valid", 0.36)]
    assert [text for _, text in loss.x_ticks] == ["1", "2", "3", "4", "5"]
    assert [dot[2:] for dot in loss.lines[0].dots][:2] == [(1, 1.5), (2, 0.75)]


def test_chart_of_a_running_training_leaves_room_for_the_epochs_to_come():
    now = draw("loss", [row(1), row(2)], 10).lines[0].dots[-1][0]
    end = draw("loss", [row(1), row(2)]).lines[0].dots[-1][0]
    assert now < WIDTH / 4 < end


def test_chart_breaks_its_line_where_an_epoch_has_no_value():
    rows = [row(1), row(2, **{"train/loss": None}), row(3, **{"train/loss": "high"}), row(4), row(5)]
    path = draw("loss", rows).lines[0].path
    assert len(re.findall("M", path)) == 2
    assert len(re.findall("[ML]", path)) == 3


def test_chart_of_ten_thousand_epochs_stays_small():
    (line, _) = draw("loss", [row(n) for n in range(1, 10_001)]).lines
    assert line.path.count("L") <= MAX_POINTS
    assert [dot[2] for dot in line.dots] == [10_000]


def test_chart_lies_inside_its_frame():
    for chart in draw_charts(metrics(*[row(n, **{"valid/f1": (-1) ** n * 1e6 / n}) for n in range(1, 30)])):
        for line in chart.lines:
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y, _, _ in line.dots)


@pytest.mark.parametrize("rows", [[], [{"epoch": 1}], [{"epoch": 1, "valid/loss": float("nan")}]])
def test_nothing_measured_is_no_chart(rows: list[dict[str, Any]]):
    assert draw_charts(metrics(*rows)) == []
    assert sparkline(metrics(*rows)) == ""


def test_epochs_out_of_order_are_drawn_all_the_same():
    (chart, _) = draw_charts(metrics(row(5), row(1)))
    assert chart.lines


def test_sparkline_follows_what_the_run_is_judged_by():
    up, down = (metrics(*rows) for rows in ([row(1), row(4)], [row(4), row(1)]))
    assert sparkline(up).startswith("M2.0 21")
    assert sparkline(down) != sparkline(up)
