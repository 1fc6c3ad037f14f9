import pytest

from auto_train.errors import RequestError
from auto_train.serving.limits import Slots


def test_slots_refuse_one_more_than_workers_and_queue() -> None:
    slots = Slots(workers=1, queue=1)
    with slots.take(), slots.take(), pytest.raises(RequestError, match="2 requests are being answered") as refused:
        slots.take().__enter__()
    assert refused.value.http_status == 429
    assert refused.value.headers == {"Retry-After": "1"}


def test_slots_are_free_again_after_an_error() -> None:
    slots = Slots(workers=1, queue=0)
    for _ in range(3):
        with pytest.raises(KeyError), slots.take():
            raise KeyError
    assert slots.taken == 0
