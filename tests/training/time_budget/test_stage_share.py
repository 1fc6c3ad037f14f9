import pytest

from auto_train.training.time_budget.stage_share import StageShare


def test_share_grows_evenly_where_as_many_batches_follow_as_was_thought():
    share, found = StageShare(), list[float]()
    for to_come in (3, 2, 1, 0):
        share.count(to_come)
        found.append(share.done)
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize("to_come", [0, -3, 1e-9])
def test_share_is_whole_when_nothing_follows(to_come: float):
    share = StageShare()
    share.count(9)
    share.count(to_come)
    assert share.done == pytest.approx(1.0)
