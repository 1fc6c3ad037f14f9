"""What a writer is: a module with these two; and what several of them need."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes


@dataclass(frozen=True, kw_only=True)
class NewData:
    """A data set to write.

    Attributes:
        samples: what it holds.
        folder: an empty one.
        images: where each row's image lies in it; each has a stem of its own.
    """

    samples: Samples
    folder: Path
    images: Sequence[PurePosixPath]

    def rows_by_split(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each split with its rows; "" is none."""
        splits = self.samples.table["split"].tolist()
        for split in ("train", "valid", "test", ""):
            if rows := [row for row, own in enumerate(splits) if own == split]:
                yield split, rows


class Writer(Protocol):
    """One data format.

    Attributes:
        IMAGES: folder of the images, ``{split}`` stands for the split's.
    """

    IMAGES: str

    def write(self, data: NewData) -> list[str]:
        """Write the annotations and return what could not be said in this format, one sentence each."""


def without_crowds(boxes: Boxes) -> tuple[Boxes, list[str]]:
    """Return the boxes that are around one object, and a warning of the others."""
    import numpy as np

    crowds = int(boxes.is_crowd.sum())
    if not crowds:
        return boxes, []
    rows = np.repeat(np.arange(len(boxes)), boxes.counts)
    kept = np.flatnonzero(~boxes.is_crowd)
    counts = np.bincount(rows[kept], minlength=len(boxes))
    return boxes.keep(kept, counts), [f"{crowds} boxes around crowds are left out: the format has no word for them"]


def format_number(value: float) -> str:
    """Return a float32 in as few digits as bring it back."""
    return f"{value:.9g}"


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write a text file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
