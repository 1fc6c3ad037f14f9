import pytest

from auto_train.errors import RequestError
from auto_train.serving.limits import Memory, Slots


def test_slots_refuse_one_more_than_workers_and_queue() -> None:
    slots = Slots(workers=1, queue=1)
    slots.take()
    slots.require_free()
    slots.take()
    for ask in (slots.take, slots.require_free):
        with pytest.raises(RequestError, match="2 requests") as refused:
            ask()
        assert refused.value.http_status == 429
        assert refused.value.headers == {"Retry-After": "1"}
    slots.release()
    slots.take()
    assert slots.taken == 2


def test_memory_refuses_what_does_not_fit_and_is_free_after_an_error() -> None:
    memory = Memory(100)
    with memory.hold() as one, memory.hold() as other:
        one.add(60)
        other.add(40)
        with pytest.raises(RequestError) as refused:
            other.add(1)
        assert (refused.value.http_status, memory.held) == (429, 100)
    assert memory.held == 0
    with memory.hold() as one:
        one.add(100)
