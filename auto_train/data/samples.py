"""The one table all formats are read into, and the door to the readers."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.cores import num_cores
from auto_train.data.images import Images
from auto_train.errors import DataError, format_list
from auto_train.types import normalise_text

if TYPE_CHECKING:
    import pandas as pd

    from auto_train.data.targets import Targets

_BLOCK = 256
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A data set.

    Attributes:
        table: one row per image: ``path`` (relative to root where below it), ``split`` (train, valid, test, or "" where
            the data does not say), ``label`` (a class name, or the text of ``targets``), ``group`` ("" for none),
            ``sha256`` ("" until :meth:`fill_hashes`).
        images: the pixels, row by row.
        labels: class names in the model's order; of numbers the names of their columns.
        targets: the annotations, row by row, where one class name does not say them.
        root: folder of the data; None where it is builtin.
        warnings: texts the caller shows.
        notes: how the data was understood, one sentence each.
    """

    table: "pd.DataFrame"
    images: Images
    labels: list[str]
    targets: "Targets | None" = None
    root: Path | None = None
    warnings: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: Sequence[int]) -> "Samples":
        """Return these rows only, in this order; the labels stay."""
        rows = [int(row) for row in rows]
        return replace(
            self,
            table=self.table.iloc[rows].reset_index(drop=True),
            images=self.images.take(rows),
            targets=self.targets and self.targets.take(rows),
        )

    @property
    def classes(self) -> list[Sequence[str]]:
        """The class names of every row, each once: one of a class, any number of other targets."""
        if self.targets is None:
            return [(label,) for label in self.table["label"]]
        return [self.targets.classes(row) for row in range(len(self))]

    def of(self, split: str) -> "Samples":
        """Return the rows of one split."""
        return self.take((self.table["split"] == split).to_numpy().nonzero()[0].tolist())

    def fill_hashes(self, progress: Callable[[int, int], None] | None = None) -> "Samples":
        """Return the samples with every sha256 filled in.

        Args:
            progress: told the number of images done and in all.

        Raises:
            DataError: files that cannot be read, all of them listed.
        """
        if (self.table["sha256"] != "").all():
            return self
        found: list[str] = []
        with ThreadPoolExecutor(num_cores()) as pool:  # reading and hashing files runs outside Python's lock
            for block in pool.map(self._sha256_of, range(0, len(self), _BLOCK)):
                found += block
                if progress:
                    progress(len(found), len(self))
        if problems := [text for text in found if not SHA256.fullmatch(text)]:
            raise DataError(format_list(f"{len(problems)} images cannot be read", problems), where=str(self.root or ""))
        return self.with_column("sha256", found)

    def with_column(self, name: str, values: Sequence[str]) -> "Samples":
        """Return the samples with another column of text in the table."""
        import pandas as pd

        # Objects, not pandas' own text: names of files may hold bytes that are no UTF-8.
        return replace(self, table=self.table.assign(**{name: pd.Series(values, dtype=object)}))

    def _sha256_of(self, start: int) -> list[str]:
        """Return the sums of one block of rows, or what is wrong with a file in place of its sum."""
        rows = range(start, min(start + _BLOCK, len(self)))
        return [
            f"{self.images.name(row)}: {found.strerror}" if isinstance(found, OSError) else found
            for row, found in zip(rows, self.images.sha256s(rows), strict=True)
        ]

    def warn(self, *texts: str) -> "Samples":
        """Return the samples with these warnings added."""
        return replace(self, warnings=(*self.warnings, *texts))


def without(samples: Samples, exclude: set[str]) -> Samples:
    """Return the samples less those whose path, as in the table or absolute, is among these."""
    if not exclude:
        return samples
    exclude = set(map(normalise_text, exclude))
    paths = [normalise_text(path) for path in samples.table["path"]]
    names = [normalise_text(samples.images.name(row)) for row in range(len(samples))]
    kept = [i for i, (path, name) in enumerate(zip(paths, names, strict=True)) if not {path, name} & exclude]
    unknown = sorted(exclude - set(paths) - set(names))
    left = samples.take(kept)
    return left.warn(format_list("paths to exclude that are not in the data", unknown)) if unknown else left
