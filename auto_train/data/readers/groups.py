"""Whether ``group_column`` does anything: a word where it does not."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

_WHERE = "[project.data] group_column"


def check_group_column(samples: "Samples", name: str, column: str | None) -> list[str]:
    """Return a warning where a column that the INI names divides nothing.

    Args:
        samples: that the reader gave.
        name: of the format that was read.
        column: that the INI names, None for none.
    """
    if not column:
        return []
    if not (samples.table["group"] != "").any():
        why = "all its cells are empty" if "csv" in name else f"format {name} has no table of groups"
        return [f"{_WHERE} = {column} has no effect: {why}"]
    if "valid" in set(samples.table["split"]):
        why = "the data gives its validation split; groups in several splits are the finding group_across_splits"
        return [f"{_WHERE} = {column} draws no split: {why}"]
    return []
