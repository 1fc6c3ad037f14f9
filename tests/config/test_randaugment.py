import pytest

from auto_train.config.randaugment import read_randaugment
from auto_train.errors import UsageError


def test_notation_is_read_part_by_part():
    assert read_randaugment("rand-m9-mstd0.5-inc1") == {"m": 9.0, "mstd": 0.5, "inc": 1.0}
    assert read_randaugment("rand") == {}


@pytest.mark.parametrize("text", ["", "rnd-m9", "rand-m11", "rand-n1.5", "rand-p2", "rand-m9-m8"])
def test_notation_that_is_not_understood_says_what_is(text: str):
    with pytest.raises(UsageError, match=r"\[training.scheme\] aa: cannot read RandAugment '.*' \(allowed: rand, then"):
        read_randaugment(text)
