"""The one table all formats are read into, and the door to the readers."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.cores import num_cores
from auto_train.data.images import Images
from auto_train.errors import DataError
from auto_train.types import absolute, normal_text

if TYPE_CHECKING:
    import pandas as pd

    from auto_train.data.fetch.source import Source
    from auto_train.data.readers import Options
    from auto_train.data.targets import Targets

_BLOCK = 256
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A data set.

    Attributes:
        table: one row per image: ``path`` (relative to root where below it), ``split`` (train, valid, test, or "" where
            the data does not say), ``label`` (a class name, or the text of ``targets``), ``group`` ("" for none),
            ``sha256`` ("" until :meth:`hashed`).
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

    def hashed(self, progress: Callable[[int, int], None] | None = None) -> "Samples":
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
            raise DataError(listed(f"{len(problems)} images cannot be read", problems), where=str(self.root or ""))
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


def read_samples(
    source: "Source | Path | str",
    format: str = "auto",
    *,
    target: str = "label",
    train_dir: Path | str | None = None,
    validation_dir: Path | str | None = None,
    test_dir: Path | str | None = None,
    images_dir: Path | str | None = None,
    annotations_file: Path | str | None = None,
    labels_file: Path | str | None = None,
    path_column: str = "path",
    label_column: Sequence[str] | str | None = None,
    group_column: str | None = None,
    labels: Sequence[str] | None = None,
    exclude: Iterable[str] = (),
) -> Samples:
    """Return the data as one table, splits as far as the data gives them.

    Args:
        source: what :func:`acquire` returned, a folder, or ``builtin:digits``.
        format: name of a reader, or ``auto`` to look at the folder.
        target: kind of the annotations: label (one class name), labels (any number of them), values (numbers), boxes,
            mask.
        train_dir, validation_dir, test_dir: folders of the splits; None: found in the data folder.
        images_dir, annotations_file: folder of the images, and file or folder of the annotations; None: found there.
        labels_file: table of labels, relative to the data folder; None: found in it.
        path_column, group_column: its columns.
        label_column: further ones, of labels or numbers; None: those with a usual name, or all that fit.
        labels: class names in the wanted order; None: sorted names found in the data.
        exclude: paths as in the table, or absolute, of images to leave out.

    Raises:
        DataError: nothing readable, wrong or missing labels, less than two classes; all problems at once.
        UsageError: an unknown format or target, or a format without such annotations.
    """
    from auto_train.data.readers import Options, check_splits, detect, get_reader, understood
    from auto_train.data.readers.groups import check_group_column

    folder, builtin = _place(source)
    labels = [normal_text(name) for name in labels or ()]
    columns = (label_column,) if isinstance(label_column, str) else tuple(label_column or ())
    options = Options(
        target=target,
        train_dir=absolute(train_dir) if train_dir else None,
        validation_dir=absolute(validation_dir) if validation_dir else None,
        test_dir=absolute(test_dir) if test_dir else None,
        images_dir=absolute(images_dir) if images_dir else None,
        annotations_file=absolute(annotations_file) if annotations_file else None,
        labels_file=Path(labels_file).expanduser() if labels_file else None,
        path_column=normal_text(path_column),
        label_columns=tuple(map(normal_text, columns)),
        group_column=group_column and normal_text(group_column),
        classes=tuple(labels),
    )
    try:
        _check_places(options)
        name = builtin or (detect(folder, options) if format == "auto" else format)
        samples = get_reader(name, target).read(folder, options)
        samples = samples.warn(*check_splits(name, folder, options, samples))
        samples = samples.warn(*check_group_column(samples, name, group_column))
        if not builtin and format == "auto":
            samples = replace(samples, notes=(understood(name, folder, options), *samples.notes))
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error
    return _with_labels(without(samples, set(exclude)), labels)


def _check_places(options: "Options") -> None:
    """Pass if the folders that are named are there.

    Raises:
        DataError: one is not.
    """
    named = {"images_dir": options.images_dir, "annotations_file": options.annotations_file}
    for key, path in named.items():
        if path and not (path.is_dir() if key == "images_dir" else path.exists()):
            what = "folder" if key == "images_dir" else "file or folder"
            raise DataError(f"no such {what}", where=str(path), hint=f"correct [training.data] {key}")


def _place(source: "Source | Path | str") -> tuple[Path, str | None]:
    if isinstance(source, str) and source.startswith("builtin:"):
        return Path(), source.removeprefix("builtin:")
    if isinstance(source, Path | str):
        return absolute(source), None
    return source.folder or Path(), source.builtin


def without(samples: Samples, exclude: set[str]) -> Samples:
    """Return the samples less those whose path, as in the table or absolute, is among these."""
    if not exclude:
        return samples
    exclude = set(map(normal_text, exclude))
    paths = [normal_text(path) for path in samples.table["path"]]
    names = [normal_text(samples.images.name(row)) for row in range(len(samples))]
    kept = [i for i, (path, name) in enumerate(zip(paths, names, strict=True)) if not {path, name} & exclude]
    unknown = sorted(exclude - set(paths) - set(names))
    left = samples.take(kept)
    return left.warn(listed("paths to exclude that are not in the data", unknown)) if unknown else left


def _with_labels(samples: Samples, labels: Sequence[str] | None) -> Samples:
    """Fix the order of the classes and check that there are at least two; readers of other targets have done so."""
    if samples.targets is not None:
        return samples
    found = sorted(set(samples.table["label"]))
    where = str(samples.root or "")
    if labels and (unknown := sorted(set(found) - set(labels))):
        hint = "add them to [project] classes, or remove that line to have the classes found"
        allowed = ", ".join(labels)
        raise DataError(
            listed("labels that are not among the classes", unknown), where=where, allowed=allowed, hint=hint
        )
    if len(found) < 2:
        names = f"one class only, '{found[0]}'" if found else "no image with a label"
        raise DataError(
            f"the data has {names}", where=where, allowed="at least two classes", hint=_one_class_hint(samples)
        )
    if labels and (unused := [label for label in labels if label not in found]):
        samples = samples.warn(listed("classes without any image", unused))
    return replace(samples, labels=list(labels) if labels else found)


def _one_class_hint(samples: Samples) -> str:
    """Return the folder that was probably meant, where the classes lie one level deeper."""
    paths = [Path(path).parts for path in samples.table["path"]]
    below = {parts[1] for parts, label in zip(paths, samples.table["label"], strict=True) if parts[0] == label}
    if samples.root and len(below & {parts[1] for parts in paths if len(parts) > 2}) > 1:
        return f"set [training] dir = {samples.root / paths[0][0]}"
    return "each class is a folder of images, or a value of the label column"


def listed(title: str, items: Sequence[object], limit: int = 20) -> str:
    """Return a title and its items, one a line, the first ``limit`` of them."""
    lines = [f"\n  - {item}" for item in items[:limit]]
    more = f"\n  … {len(items) - limit} more" if len(items) > limit else ""
    return f"{title}:{''.join(lines)}{more}"
