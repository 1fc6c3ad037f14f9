"""What differs between the data of two runs, by content: the sha256 of their manifests."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auto_train.runs.read import in_order, replace_undecodable

if TYPE_CHECKING:
    import pandas as pd

# Examples of each kind of change.
MAX_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images of one kind of change.

    Attributes:
        examples: the first of their paths, with what changed.
    """

    count: int
    examples: list[str]


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """The data of run B as seen from run A.

    Attributes:
        splits: number of images by split: of A, of B.
        added, removed: content that only one of them has.
        relabelled: content with other labels; moved: content in other splits.
    """

    splits: dict[str, tuple[int, int]]
    added: Images
    removed: Images
    relabelled: Images
    moved: Images

    @property
    def is_same(self) -> bool:
        return not any(part.count for part in (self.added, self.removed, self.relabelled, self.moved))


def data_change(a: "pd.DataFrame", b: "pd.DataFrame") -> DataChange:
    """Compare two manifests; an image that was renamed or moved to another folder is the same image."""
    before, after = _by_content(a), _by_content(b)
    both = before.keys() & after.keys()
    counts = [Counter(table["split"]) for table in (a, b)]
    return DataChange(
        splits=in_order({name: (counts[0][name], counts[1][name]) for name in {*counts[0], *counts[1]}}),
        added=_images([row[0] for key in after.keys() - before.keys() for row in after[key]]),
        removed=_images([row[0] for key in before.keys() - after.keys() for row in before[key]]),
        relabelled=_find_changed(before, after, both, 2),
        moved=_find_changed(before, after, both, 1),
    )


# Path, split and label of the images of each content.
Rows = dict[str, list[tuple[str, str, str]]]


def _by_content(table: "pd.DataFrame") -> Rows:
    found: Rows = defaultdict(list)
    for key, *row in zip(table["sha256"], table["path"], table["split"], table["label"], strict=True):
        found[key].append((row[0], row[1], row[2]))
    return found


def _find_changed(before: Rows, after: Rows, both: set[str], column: int) -> Images:
    """Return the content whose values of a column differ; copies of it count together."""
    texts = []
    for key in both:
        old, new = ({row[column] for row in rows[key]} for rows in (before, after))
        if old != new:
            texts.append(f"{after[key][0][0]}: {', '.join(sorted(old))} → {', '.join(sorted(new))}")
    return _images(texts)


def _images(texts: list[str]) -> Images:
    return Images(count=len(texts), examples=[replace_undecodable(text) for text in sorted(texts)[:MAX_EXAMPLES]])
