from pathlib import Path

import pytest

from tests.tiny import write_digit_table


def labels_of(digit: int, i: int) -> dict[str, object]:
    """Return what is true of a digit; of a 1 and a 7 nothing is, and of few images that they are old."""
    found = {
        "even": digit % 2 == 0,
        "round": digit in (0, 6, 8, 9),
        "small": digit in (2, 3, 4),
        "old": i == 2 and digit < 3,
    }
    return {"labels": " ".join(name for name, is_true in found.items() if is_true and digit != 1)}


@pytest.fixture(scope="session")
def label_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 160 real digits, a table of label sets, and splits."""
    return write_digit_table(tmp_path_factory.mktemp("label_sets"), labels_of, each=16)
