import pytest

from auto_train.common.limit import choose_rows


@pytest.mark.parametrize(
    ("splits", "fraction", "expected"),
    [
        ({"": 1000}, 0.2, {"train": 32, "valid": 17}),
        ({"train": 1000, "valid": 10, "test": 500}, 0.2, {"train": 32, "valid": 10, "test": 33}),
        ({"train": 1000, "test": 5}, 0.2, {"train": 32, "valid": 17, "test": 5}),
        ({"": 10}, 0.2, {"train": 8, "valid": 2}),
        ({"": 3}, 0.2, {"train": 2, "valid": 1}),
        ({"": 1000}, 0.0, {"train": 32}),
        ({"test": 7}, 0.2, {"train": 0, "valid": 0, "test": 7}),
    ],
)
def test_chosen_rows_are_what_two_batches_need(splits: dict[str, int], fraction: float, expected: dict[str, int]):
    rows = [split for split, count in splits.items() for _ in range(count)]
    chosen = choose_rows(rows, {"train": 32, "valid": 17, "test": 33}, fraction)
    assert {split: len(found) for split, found in chosen.items()} == expected
    together = [row for found in chosen.values() for row in found]
    assert len(together) == len(set(together))
