"""Numbers are worked out by hand: with 10 batches of 1 s and 2 s of evaluation an epoch takes 12 s."""

import pytest

from auto_train.training.time_budget.plan import MAX_EPOCHS, Plan, Stretch, describe, describe_change, plan_epochs

OPEN = Stretch(epochs=None, batch_s=1.0)


def frozen(epochs: int, batch_s: float = 0.5) -> Stretch:
    return Stretch(epochs=epochs, batch_s=batch_s, is_frozen=True)


def planned(left_s: float, *stages: Stretch, done: int = 0) -> Plan:
    return plan_epochs(left_s, stages, batches=10, rest_s=2.0, done=done)


@pytest.mark.parametrize(("left_s", "epochs"), [(12, 1), (35.9, 2), (36, 3), (47, 3), (1200, 100), (1e9, MAX_EPOCHS)])
def test_plan_of_one_stage_is_the_whole_epochs_that_fit(left_s: float, epochs: int):
    plan = planned(left_s, OPEN)
    assert plan == Plan(epochs=(epochs,), limit=None, shares=(epochs,), epoch_s=12.0)


@pytest.mark.parametrize(("left_s", "limit"), [(11.9, 9), (7, 5), (3, 1), (1, 1), (-5, 1)])
def test_plan_of_less_than_an_epoch_is_the_batches_that_fit_and_at_least_one(left_s: float, limit: int):
    plan = planned(left_s, OPEN)
    assert plan == Plan(epochs=(1,), limit=limit, shares=(limit / 10,), epoch_s=12.0)


def test_plan_does_not_count_again_what_is_done_of_the_running_epoch():
    # 4 of 10 batches are done: 8 s finish this epoch, 12 s are another.
    assert planned(20, OPEN, done=4).epochs == (2,)
    assert planned(19.9, OPEN, done=4).epochs == (1,)
    assert planned(7, OPEN, done=4) == Plan(epochs=(1,), limit=9, shares=(0.9,), epoch_s=12.0)
    assert planned(0, OPEN, done=4).limit == 5 and planned(0, OPEN, done=10).limit is None


def test_plan_leaves_earlier_stages_their_epochs_while_they_take_no_more_than_a_third():
    # A frozen epoch takes 7 s; 2 of them leave 106 s of 120: 8 whole epochs.
    assert planned(120, frozen(2), OPEN).epochs == (2, 8)
    # 40 s is a third: 5 frozen epochs fit, not 20; 85 s are left.
    assert planned(120, frozen(20), OPEN).epochs == (5, 7)


def test_plan_of_little_time_cuts_a_frozen_epoch_short_too():
    # A third of 15 s is 5 s: 2 s of evaluation and 6 batches of 0.5 s; 10 s are left: 8 batches.
    plan = planned(15, frozen(1), OPEN)
    assert plan == Plan(epochs=(1, 1), limit=6, shares=(0.6, 0.8), epoch_s=12.0)


def test_plan_of_a_later_stage_cut_short_does_not_cut_the_running_epoch():
    plan = planned(18, frozen(1, batch_s=0.1), OPEN)  # 3 s, then 15 s
    assert plan == Plan(epochs=(1, 1), limit=None, shares=(1, 1), epoch_s=12.0)
    plan = planned(12, frozen(1, batch_s=0.1), OPEN)  # 3 s, then 9 s
    assert plan == Plan(epochs=(1, 1), limit=None, shares=(1, 0.7), epoch_s=12.0)


@pytest.mark.parametrize("left_s", [1, 5, 12, 30, 100, 1000])
@pytest.mark.parametrize("done", [0, 3, 10])
def test_plan_fits_unless_there_is_time_for_less_than_a_batch(left_s: float, done: int):
    stages = (frozen(1), frozen(3, batch_s=0.9), OPEN)
    plan = planned(left_s, *stages, done=done)
    takes = sum(10 * share * stage.batch_s + max(int(share), 1) * 2 for share, stage in zip(plan.shares, stages))
    takes -= done * 0.5
    assert takes <= max(left_s, 3 * 2 + 3 * 1.0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((10, 14, 2, 41.3), "10 minutes: 14 epochs of about 41 s, 2 of them with the backbone frozen"),
        ((1, 1, 0, 48), "1 minute: 1 epoch of about 48 s"),
        ((90, 300, 0, 0.123), "90 minutes: 300 epochs of about 0.12 s"),
        ((2.5, 0.45, 0.05, 1500), "2.5 minutes: 0.45 epochs of about 25 min, 0.05 of them with the backbone frozen"),
    ],
)
def test_sentence_says_how_many_epochs_of_what_length(values: tuple[float, float, float, float], sentence: str):
    minutes, epochs, frozen, epoch_s = values
    assert describe(minutes, epochs=epochs, frozen=frozen, epoch_s=epoch_s) == sentence


def test_sentence_of_a_change_says_what_was_planned_before():
    text = "Time is left for 3 epochs of about 12 s, where 5 were planned"
    assert describe_change(planned(36, OPEN), 5, batches=10) == text
    text = "To end in time, the last epoch has 5 of its 10 batches"
    assert describe_change(planned(7, OPEN), 1, batches=10) == text
