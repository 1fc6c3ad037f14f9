from pathlib import Path

import pytest

from tests.tiny import write_digit_table


def numbers_of(digit: int, i: int) -> dict[str, object]:
    """Return a digit's value, in dots, and a number of another size that goes with it."""
    return {"value [dots]": digit, "area": 1e6 * (digit % 2) + 10_000 * (i % 3)}


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 160 real digits, a table of numbers, and splits."""
    return write_digit_table(tmp_path_factory.mktemp("numbers"), numbers_of, each=16)
