"""What images are annotated with, where one class name does not say it: row by row beside the table of Samples.

A kind has a name, which a recipe asks for in ``[project.data] target``, and readers of its own. ``label``, one class
name, is the table's own column and has no class here.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self, TypeVar

import numpy as np

from auto_train.errors import UsageError

# Mask value of pixels that count neither in training nor in metrics.
IGNORE = 255


Kind = TypeVar("Kind", bound="Targets")


class Targets(Protocol):
    """The annotations of a data set, row by row."""

    kind: ClassVar[str]

    def __len__(self) -> int: ...

    def take(self, rows: Sequence[int]) -> Self:
        """Return these rows only, in this order."""
        ...

    def classes(self, row: int) -> Sequence[str]:
        """Return the classes that are in an image, each once; of several for each image, or of none."""
        ...

    def text(self, row: int) -> str:
        """Return what stands in the table's column ``label`` and in manifest.csv: equal for equal annotations only."""
        ...


@dataclass(frozen=True, kw_only=True)
class LabelSets:
    """Any number of class names for each image, also none.

    Attributes:
        sets: sorted names of each row.
    """

    kind: ClassVar[str] = "labels"
    sets: Sequence[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.sets)

    def take(self, rows: Sequence[int]) -> Self:
        return replace(self, sets=[self.sets[row] for row in rows])

    def classes(self, row: int) -> Sequence[str]:
        return self.sets[row]

    def text(self, row: int) -> str:
        return "|".join(self.sets[row])


@dataclass(frozen=True, kw_only=True)
class Values:
    """One or several numbers for each image.

    Attributes:
        names: of the columns.
        units: of the columns, "" where none is known.
        array: (N, columns) float64, finite.
    """

    kind: ClassVar[str] = "values"
    names: tuple[str, ...]
    units: tuple[str, ...]
    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Sequence[int]) -> Self:
        return replace(self, array=self.array[np.asarray(rows, dtype=np.intp)])

    def classes(self, row: int) -> Sequence[str]:
        return ()

    def text(self, row: int) -> str:
        return "|".join(f"{value:.10g}" for value in self.array[row])


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Boxes with a class name each, in pixels of the image as it is shown; all rows in arrays of M boxes.

    Attributes:
        names: of the classes, by code.
        corners: (M, 4) float32: left, top, right, bottom; as the files say, so also outside the image or swapped.
        codes: (M,) int32 class codes.
        is_crowd: (M,) bool: a box around many, which is neither trained on nor counted as missed.
        ends: (N,) int64: where each row's boxes end.
        files: (N,) annotation file of each row, "" for none.
        lines: (M,) int32 line in that file, or number of the annotation in it, from 1; 0 where unknown.
        sizes: (N, 2) int64 width and height in pixels that the files say the images have, 0 where they say nothing;
            None: of none.
    """

    kind: ClassVar[str] = "boxes"
    names: tuple[str, ...]
    corners: np.ndarray
    codes: np.ndarray
    is_crowd: np.ndarray
    ends: np.ndarray
    files: Sequence[str]
    lines: np.ndarray
    sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def of(self, row: int) -> slice:
        """Return where the boxes of a row are in the arrays of M."""
        return slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))

    @property
    def counts(self) -> np.ndarray:
        """Boxes of each row, (N,)."""
        return np.diff(self.ends, prepend=0)

    def take(self, rows: Sequence[int]) -> Self:
        chosen = np.asarray(rows, dtype=np.intp)
        places = [np.arange(part.start, part.stop) for part in map(self.of, chosen.tolist())]
        files = [self.files[row] for row in chosen.tolist()]
        found = self.keep(np.concatenate([*places, []]).astype(np.intp), self.counts[chosen], files)
        return found if self.sizes is None else replace(found, sizes=self.sizes[chosen])

    def keep(self, boxes: np.ndarray, counts: np.ndarray, files: Sequence[str] | None = None) -> Self:
        """Return some of the boxes.

        Args:
            boxes: their numbers in the arrays of M.
            counts: (N,) how many of them each row has, in this order.
        """
        return replace(
            self,
            corners=self.corners[boxes],
            codes=self.codes[boxes],
            is_crowd=self.is_crowd[boxes],
            ends=np.cumsum(counts, dtype=np.int64),
            files=self.files if files is None else files,
            lines=self.lines[boxes],
        )

    def clean(self, sizes: np.ndarray) -> Self:
        """Return the boxes cut at the edges of their images, less those that have no area then.

        Args:
            sizes: (N, 2) width and height of the images, pixels.
        """
        rows = np.repeat(np.arange(len(self)), self.counts)
        corners = np.clip(self.corners, 0, np.tile(sizes[rows], 2).astype(np.float32))
        kept = np.flatnonzero((corners[:, 2:] > corners[:, :2]).all(axis=1))
        counts = np.bincount(rows[kept], minlength=len(self))
        return replace(self, corners=corners).keep(kept, counts)

    def classes(self, row: int) -> Sequence[str]:
        return [self.names[code] for code in np.unique(self.codes[self.of(row)])]

    def text(self, row: int) -> str:
        """Return how many boxes there are of each class, and eight digits that stand for their places."""
        part = self.of(row)
        codes = self.codes[part]
        if not len(codes):
            return "no boxes"
        counted = Counter(self.names[code] for code in codes.tolist())
        order = np.lexsort((*self.corners[part].T, codes))
        place = hashlib.sha256(np.ascontiguousarray(self.corners[part][order]).tobytes())
        place.update(self.is_crowd[part][order].tobytes())
        return ", ".join(f"{name} {number}" for name, number in sorted(counted.items())) + f" #{place.hexdigest()[:8]}"


class MaskSource(Protocol):
    """One image's mask: a file, or shapes to draw."""

    @property
    def where(self) -> str:
        """The file, for messages."""
        ...

    def read(self) -> np.ndarray:
        """Return (H, W) uint8 class codes, IGNORE where nothing is said.

        Raises:
            ImageError: it cannot be decoded.
        """
        ...

    def digest(self) -> str:
        """Return 16 hex digits that stand for its content."""
        ...


@dataclass(frozen=True, kw_only=True)
class Masks:
    """A class for every pixel of each image.

    Attributes:
        names: of the classes, by mask value.
        sources: one for each row.
        seen: class names in each row's mask, as far as somebody has looked (``looked``).
    """

    kind: ClassVar[str] = "mask"
    names: tuple[str, ...]
    sources: Sequence[MaskSource]
    seen: Sequence[Sequence[str]] | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Sequence[int]) -> Self:
        seen = None if self.seen is None else [self.seen[row] for row in rows]
        return replace(self, sources=[self.sources[row] for row in rows], seen=seen)

    def classes(self, row: int) -> Sequence[str]:
        return self.seen[row] if self.seen else ()

    def text(self, row: int) -> str:
        return f"mask #{self.sources[row].digest()}"


def texts(targets: Targets) -> list[str]:
    """Return text() of every row."""
    return [targets.text(row) for row in range(len(targets))]


def of_kind(targets: Targets | None, kind: type[Kind]) -> Kind:
    """Return the targets, which have to be of this kind.

    Raises:
        UsageError: the data has others, or none but class names.
    """
    if not isinstance(targets, kind):
        found = targets.kind if targets is not None else "label"
        raise UsageError(
            f"the data was read for target '{found}'",
            where="[project.data] target",
            allowed=kind.kind,
            hint="leave the key out: each task has its own; a load_function has to give what its task is trained on",
        )
    return targets
