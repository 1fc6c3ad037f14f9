import pytest

from auto_train.durations import as_clock, as_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0341, "34 ms"),
        (0.123, "0.12 s"),
        (1.25, "1.2 s"),
        (9.99, "10 s"),
        (41.3, "41 s"),
        (59.7, "1 min"),
        (125.0, "2 min 5 s"),
        (1505.0, "25 min"),
        (11_520.0, "3 h 12 min"),
        (266_400, "3 d 2 h"),
    ],
)
def test_duration_has_two_digits_or_two_units(seconds: float, text: str):
    assert as_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0:00"), (0.6, "0:01"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03"), (266_400, "3 d 2 h")],
)
def test_clock_has_a_steady_width(seconds: float | None, text: str):
    assert as_clock(seconds) == text
