"""What a data set is like, by headers of a part of its images and the pixels of a smaller part."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auto_train.data.inspect.pixels import Evidence, look
from auto_train.data.readers.base import SPLIT_NAMES
from auto_train.data.samples import Samples
from auto_train.errors import DataError, ImageError

# Headers that are read; a hundred thousand files would take minutes and say the same.
MAX_HEADERS = 1000


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What decides how to train.

    Attributes:
        splits: number of images by split; "" stands for those the data gives no split.
        classes: number of images by class that are there for training, validation perhaps drawn from them; nothing of
            masks, which are not looked into, and of numbers.
        target: kind of the annotations.
        width, height: median, pixels.
        smallest, largest: area of the smallest and largest image looked at, as (width, height).
        looked_at: images whose header was read.
        broken: those among them that cannot be read, as the decoder says it.
        evidence: what their pixels tell.
    """

    splits: dict[str, int]
    classes: dict[str, int]
    width: int
    height: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    looked_at: int
    broken: tuple[str, ...]
    evidence: Evidence
    target: str = "label"

    @property
    def num_train(self) -> int:
        """Images to train on, those that are drawn for validation among them."""
        return self.splits.get("train", 0) + self.splits.get("", 0)

    @property
    def side(self) -> int:
        """The longer side of the usual image, pixels."""
        return max(self.width, self.height)

    @property
    def has_valid(self) -> bool:
        """Whether the data gives a validation split."""
        return "valid" in self.splits


def collect_facts(samples: Samples) -> Facts:
    """Return the facts of a data set.

    Raises:
        DataError: no image to train on, or none of those looked at can be read.
    """
    splits = Counter(samples.table["split"])
    trained = samples.table["split"].isin(["train", ""])
    if not trained.any():
        message = f"no image is there to train on: all are in the split {', '.join(splits)}"
        raise DataError(
            message, where=str(samples.root or ""), allowed="a train folder, or class folders outside of any"
        )
    rows = trained.to_numpy().nonzero()[0].tolist()
    broken: list[str] = []
    sizes = dict(_sizes(samples, broken))
    if not sizes:
        message = f"none of {len(broken)} images looked at can be read: {broken[0]}"
        raise DataError(message, where=str(samples.root or ""))
    by_area = sorted(sizes.values(), key=lambda size: size[0] * size[1])
    return Facts(
        splits={split: splits[split] for split in (*SPLIT_NAMES, "") if splits[split]},
        classes=dict(sorted(Counter(label for row in samples.take(rows).classes for label in row).items())),
        width=round(statistics.median(width for width, _ in by_area)),
        height=round(statistics.median(height for _, height in by_area)),
        smallest=by_area[0],
        largest=by_area[-1],
        looked_at=len(sizes) + len(broken),
        broken=tuple(broken),
        evidence=look(samples, sizes),
        target="label" if samples.targets is None else samples.targets.kind,
    )


def spread(rows: Sequence[int], most: int) -> list[int]:
    """Return up to so many of the rows, at equal distances: of sorted data every class gets its share."""
    count = min(len(rows), most)
    return [rows[i * len(rows) // count] for i in range(count)]


def _sizes(samples: Samples, broken: list[str]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield row and (width, height) of the images looked at; what cannot be read goes to ``broken``."""
    for row in spread(range(len(samples)), MAX_HEADERS):
        try:
            yield row, samples.images.size(row)
        except (ImageError, OSError) as error:
            broken.append(str(error).splitlines()[0])
