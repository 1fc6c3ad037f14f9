"""`[training] limit_batches`: the rows of the data that a limited number of batches needs."""

from auto_train.data import Samples
from auto_train.data.inspect.facts import spread


def limit_rows(samples: Samples, num_batches: int, *, batch_size: int, fraction: float) -> Samples:
    """Return some rows of each split, spread evenly over it, each with a split.

    Args:
        samples: all rows; split is "" where the data does not say.
        num_batches: of every pass. The last batch of an evaluation may be short.
        batch_size: images.
        fraction: of the training rows that are for validation where the data has none.
    """
    held_out = (num_batches - 1) * batch_size + 1
    counts = {"train": num_batches * batch_size, "valid": held_out, "test": held_out}
    chosen = choose_rows(samples.table["split"].tolist(), counts, fraction)
    limited = samples.take([row for rows in chosen.values() for row in rows])
    return limited.with_column("split", [split for split, rows in chosen.items() for _ in rows])


def choose_rows(splits: list[str], counts: dict[str, int], fraction: float) -> dict[str, list[int]]:
    """Return some row numbers of each split; where there is no valid one, some of those it would be drawn from."""
    rows = {split: [row for row, found in enumerate(splits) if found == split] for split in set(splits)}
    given = [split for split in ("valid", "test") if split in rows]
    chosen: dict[str, list[int]] = {split: spread(rows[split], counts[split]) for split in given}
    trained = sorted(rows.get("train", []) + rows.get("", []))
    if "valid" not in chosen and fraction > 0:
        some = spread(trained, counts["train"] + counts["valid"])
        is_small = len(trained) <= len(some)
        num_valid = max(1, round(fraction * len(some))) if is_small else counts["valid"]
        chosen["valid"] = spread(some, num_valid)
        trained = sorted(set(some) - set(chosen["valid"]))
    return {"train": spread(trained, counts["train"]), **chosen}
