"""What a reader is: a module with these two functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from auto_train.data.samples import Samples


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the INI says about the data; a reader takes what concerns it.

    Attributes:
        train_dir, validation_dir, test_dir: absolute folders of the splits, or None.
        labels_file: table of labels, absolute or relative to the data folder, or None.
        path_column, label_column, group_column: its columns.
    """

    train_dir: Path | None = None
    validation_dir: Path | None = None
    test_dir: Path | None = None
    labels_file: Path | None = None
    path_column: str = "path"
    label_column: str = "label"
    group_column: str | None = None


class Reader(Protocol):
    """One data format, read in place."""

    def detect(self, folder: Path, options: Options) -> bool:
        """Return True if the folder holds this format, at the cost of listing it."""

    def read(self, folder: Path, options: Options) -> "Samples":
        """Return all images with their labels; ``split`` stays "" where the data does not give one.

        Raises:
            DataError: the format's rules are broken; all problems are listed.
        """


def file_samples(rows: Sequence[tuple[Path, str, str, str]], root: Path, warnings: Sequence[str] = ()) -> "Samples":
    """Return Samples of image files.

    Args:
        rows: absolute path, split, label and group of each image.
        root: folder of the data; paths below it are kept relative to it.
        warnings: texts for the caller.
    """
    import pandas as pd

    from auto_train.data.images import FileImages
    from auto_train.data.samples import Samples

    prefix = f"{root}/"
    table = pd.DataFrame(
        {
            "path": [str(path).removeprefix(prefix) for path, *_ in rows],
            "split": [split for _, split, _, _ in rows],
            "label": [label for _, _, label, _ in rows],
            "group": [group for *_, group in rows],
            "sha256": "",
        },
        dtype=object,
    )
    images = FileImages([path for path, *_ in rows])
    return Samples(table=table, images=images, labels=[], root=root, warnings=tuple(warnings))
