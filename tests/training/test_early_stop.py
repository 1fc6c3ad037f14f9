import math
from collections.abc import Callable
from typing import Any

import pytest

from auto_train.errors import UsageError
from auto_train.training.early_stop import EarlyStop
from tests.training.conftest import Points, stage

Make = Callable[..., Any]
NAN = math.nan


def verdicts(errors: list[float], **options: float) -> list[bool]:
    stop = EarlyStop(**options)
    return [bool(stop.reason_to_end(error)) for error in errors]


def test_early_stop_follows_the_example_of_the_contract():
    # F3.15: 1.0, .9, .9, .9 with patience 2 stops at the 4th epoch.
    assert verdicts([1.0, 0.9, 0.9, 0.9], patience=2) == [False, False, False, True]


def test_early_stop_first_value_sets_the_reference_without_counting():
    assert verdicts([1.0, 1.0], patience=1) == [False, True]


def test_early_stop_improvement_must_exceed_min_delta():
    # 1.0 → 0.875 is exactly min_delta: not more than it. The reference stays, so 0.75 counts as improvement.
    assert verdicts([1.0, 0.875, 0.75, 0.75], patience=2, min_delta=0.125) == [False, False, False, False]
    assert verdicts([1.0, 0.875, 0.875], patience=2, min_delta=0.125) == [False, False, True]


def test_early_stop_improvement_starts_the_count_anew():
    assert verdicts([1.0, 1.1, 0.9, 1.0, 1.0], patience=2) == [False, False, False, False, True]


def test_early_stop_passes_over_nan():
    assert verdicts([1.0, NAN, NAN, NAN, 1.0], patience=1) == [False, False, False, False, True]


@pytest.mark.parametrize(("patience", "min_delta"), [(0, 0.0), (-1, 0.0), (2, -0.1)])
def test_early_stop_of_impossible_settings_is_refused(patience: int, min_delta: float):
    with pytest.raises(UsageError, match=r"early stop needs patience >= 1 and min_delta >= 0, got"):
        EarlyStop(patience, min_delta)


def test_early_stop_ends_a_stage_and_the_next_starts_afresh(make_learner: Make):
    learn = make_learner(task=Points([1.0, 0.9, 0.9, 0.9, 0.95, 0.95, 0.95]), batch_size=24)
    with learn.added_cbs([EarlyStop(2, ends_stage=True)]):
        learn.fit_stages([stage(5), stage(5)])
    # The first stage ends after four epochs, the second after three: its own first value is its reference.
    assert learn.epochs_done == 7


def test_early_stop_ends_the_training(make_learner: Make):
    # The 4th epoch is the last; the second stage does not begin.
    learn = make_learner(task=Points([1.0, 0.9, 0.9, 0.9, 0.5, 0.4]), batch_size=24)
    heard = []
    learn.listeners.on("onEarlyStop", heard.append)
    learn.fit_stages([stage(5), stage(5)], EarlyStop(2))
    assert (learn.epochs_done, learn.end_reason) == (4, "early_stop")
    assert heard == ["val_metric has not improved in 2 epochs"]


def test_early_stop_watches_the_training_loss(make_learner: Make):
    learn = make_learner(batch_size=24)
    learn.fit_stages([stage(5, rate=0.0)], EarlyStop(2, target="train_loss"))
    # A rate of nothing: the loss stays, the third epoch is the second without improvement.
    assert learn.epochs_done == 3


def test_early_stop_of_a_larger_value_is_an_improvement_in_mode_max():
    assert verdicts([0.5, 0.6, 0.6, 0.5], patience=2, mode="max") == [False, False, False, True]


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([1.0, 0.1, 0.05], {"lower_bound": 0.1}, [False, False, True]),  # strictly below
        ([1.0, 2.0, 2.5], {"upper_bound": 2.0}, [False, False, True]),  # strictly above
        ([3.0], {"upper_bound": 2.0}, [True]),  # the first value too
    ],
)
def test_early_stop_bound_ends_at_once(values: list[float], options: dict[str, float], expected: list[bool]):
    assert verdicts(values, patience=9, **options) == expected


def test_early_stop_passes_over_epochs_without_a_value():
    stop = EarlyStop(1)
    assert [stop.reason_to_end(value) for value in (1.0, None, None)] == [None, None, None]
    assert stop.reason_to_end(1.0) == "val_metric has not improved in an epoch"


def test_early_stop_counter_survives_in_its_state():
    first, second = EarlyStop(2), EarlyStop(2)
    assert not first.reason_to_end(1.0) and not first.reason_to_end(1.0)
    second.load_state_dict(first.state_dict())
    assert second.reason_to_end(1.0)


def test_early_stop_of_an_unknown_target_lists_what_there_is():
    with pytest.raises(
        UsageError, match=r"no target 'loss' to watch \(allowed: val_metric, test_metric, train_metric, .*train_loss\)"
    ):
        EarlyStop(1, target="loss")
    with pytest.raises(UsageError, match=r"'least' is no mode for the target val_metric \(allowed: min, max\)"):
        EarlyStop(1, mode="least")
