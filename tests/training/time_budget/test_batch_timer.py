from auto_train.training.time_budget.batch_timer import SHORTEST_S, WARM_UP, BatchTimer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def counted(seconds: list[float]) -> BatchTimer:
    clock = Clock()
    timer = BatchTimer(clock)
    timer.begin()
    for taken in seconds:
        clock.now += taken
        timer.count()
    timer.measure()
    return timer


def test_timer_leaves_the_first_batches_out():
    timer = counted([5.0] * WARM_UP + [1.0, 2.0])
    assert (timer.batch_s, timer.measured, timer.took_s()) == (1.5, 2, 3.0)


def test_timer_of_a_pass_as_short_as_the_warm_up_takes_it_as_it_is():
    assert counted([5.0] * WARM_UP).batch_s == 5.0 and counted([4.0]).batch_s == 4.0
    assert counted([]).batch_s == 0.0


def test_timer_believes_two_slow_batches_in_a_row_and_not_one():
    assert counted([1.0] * 6 + [30.0]).recent_s() == 1.0
    assert counted([1.0] * 6 + [30.0, 20.0]).recent_s() == 20.0


def test_timer_never_says_that_a_batch_takes_no_time():
    assert counted([0.0] * 10).batch_s == SHORTEST_S


def test_timer_of_another_pass_starts_anew_and_keeps_what_it_knows_until_then():
    timer = counted([1.0] * 10)
    timer.begin()
    assert timer.seen == 0 and timer.batch_s == 1.0
    timer.measure()
    assert timer.batch_s == 1.0
