import pytest

from auto_train.data.readers.numbers import check_decimals, check_units
from auto_train.errors import DataError


@pytest.mark.parametrize(
    ("cells", "marks", "shown"),
    [
        (["1,5", "2,25", "3"], "decimal commas", "1,5"),
        (["0,125"], "decimal commas", "0,125"),
        (["1,234", "2,500.5"], "commas between thousands", "2,500.5"),
        (["1,234,567", "12"], "commas between thousands", "1,234,567"),
        (["1,234", "999", "850"], "decimal ones or between thousands", "1,234"),
        (["1.234,5", "0,7"], "points between thousands", "1.234,5"),
        (["1.234.567"], "points between thousands", "1.234.567"),
        (["850", "1.100", "12.250"], "points that seem to stand between thousands", "1.100"),
        (["1,234,567", "3,5"], "two meanings", "3,5"),
    ],
)
def test_decimals_and_thousands_are_told_apart_or_said_to_be_unclear(cells: list[str], marks: str, shown: str) -> None:
    with pytest.raises(DataError) as caught:
        check_decimals("height", cells, "t.csv")
    assert marks in caught.value.message and f"'{shown}'" in caught.value.message
    assert "'height'" in caught.value.message


@pytest.mark.parametrize(
    "cells", [["1.234", "2.345"], ["1.5", "900"], ["0.125", "0.250", "100"], ["a", "b", "1,5"], ["1", "2"], [""]]
)
def test_plain_numbers_and_words_pass(cells: list[str]) -> None:
    check_decimals("height", cells, "t.csv")


def test_numbers_with_their_unit_are_refused_and_words_pass() -> None:
    with pytest.raises(DataError, match="'weight' holds numbers with their unit: '12 kg'") as caught:
        check_units("weight", ["12 kg", "", "3.5kg"], "t.csv")
    assert "weight [kg]" in caught.value.hint
    check_units("weight", ["12 kg", "3 lb"], "t.csv")
    check_units("weight", ["heavy"], "t.csv")
