"""A check of given splits: images of one group, such as a patient, in several of them."""

from auto_train.data.doctor.finding import MAX_ITEMS, Finding, item_of
from auto_train.data.doctor.looks import Looks
from auto_train.data.samples import Samples

_MAX_OF_GROUP = 6


def check_groups(samples: Samples, looks: Looks) -> list[Finding]:
    """Find groups with images in several splits; a model is measured there on what it has seen."""
    table = samples.table.iloc[looks.whole]
    table = table[(table["group"] != "") & (table["split"] != "")]
    across = [(name, rows) for name, rows in table.groupby("group", sort=True) if rows["split"].nunique() > 1]
    items = []
    for number, (name, rows) in enumerate(across):
        shown = [*rows.index[~rows.duplicated("split")], *rows.index[rows.duplicated("split")]][:_MAX_OF_GROUP]
        splits = ", ".join(f"{count:,} in {split}" for split, count in rows["split"].value_counts().items())
        items += [item_of(samples, row, f"group '{name}': {splits}", number) for row in shown]
    return [Finding(code="group_across_splits", count=len(across), items=tuple(items[:MAX_ITEMS]))] if across else []
