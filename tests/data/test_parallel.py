import threading
import time

import pytest

from auto_train.data.parallel import create_pool, map_in_order


@pytest.fixture
def pool():
    with create_pool("test") as threads:
        yield threads


def test_in_order_gives_results_in_the_order_of_the_items(pool):
    def late_first(i: int) -> int:
        time.sleep(0.02 if i == 0 else 0)
        return i * i

    assert list(map_in_order(pool, late_first, range(20), ahead=4)) == [i * i for i in range(20)]


def test_in_order_takes_no_more_items_than_it_may_be_ahead(pool):
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    results = map_in_order(pool, lambda i: i, items(), ahead=5)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 5
    results.close()


def test_in_order_raises_the_error_of_an_item_at_its_turn(pool):
    def work(i: int) -> float:
        return 1 / (3 - i)

    results = map_in_order(pool, work, range(6), ahead=5)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_in_order_left_early_begins_nothing_more(pool):
    begun, gate = [], threading.Event()

    def work(i: int) -> int:
        begun.append(i)
        gate.wait(10 if i else 0)
        return i

    results = map_in_order(pool, work, range(1000), ahead=200)
    assert next(results) == 0
    results.close()
    gate.set()
    pool.shutdown()
    assert len(begun) < 100
