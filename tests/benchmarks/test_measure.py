import pytest
from _measure import finish, verdict


@pytest.mark.parametrize(
    ("found", "at_most", "is_met", "line"),
    [
        (0.97, False, True, "met     T1: 0.97 (bar >= 0.95) by much"),
        (0.94, False, False, "MISSED  T1: 0.94 (bar >= 0.95) by much"),
        (0.94, True, True, "met     T1: 0.94 (bar <= 0.95) by much"),
        (0.97, True, False, "MISSED  T1: 0.97 (bar <= 0.95) by much"),
    ],
)
def test_verdict_prints_one_line_for_a_bar(capsys, found: float, at_most: bool, is_met: bool, line: str):
    assert verdict("T1", found, 0.95, at_most=at_most, detail="by much") is is_met
    assert capsys.readouterr().out == line + "\n"


def test_verdict_in_a_trial_judges_nothing(capsys):
    assert verdict("T1", 0.1, 0.95, is_trial=True)
    assert capsys.readouterr().out == "trial   T1: 0.1 (bar >= 0.95)\n"


@pytest.mark.parametrize(("met", "code"), [((True, True), 0), ((True, False), 1)])
def test_finish_ends_with_1_where_a_bar_is_missed(met: tuple[bool, ...], code: int):
    with pytest.raises(SystemExit) as end:
        finish(*met)
    assert end.value.code == code
