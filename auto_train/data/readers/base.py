"""What a reader is: a module with these two functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples
    from auto_train.data.targets import Targets

SPLIT_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation"),
    "test": ("test", "testing"),
}
# How the three are written in tables and names of files; "" is none of them.
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names} | {"": ""}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the INI says about the data; a reader takes what concerns it.

    Attributes:
        target: kind of the annotations: label, labels, values, boxes or mask.
        train_dir, validation_dir, test_dir: absolute folders of the splits, or None.
        images_dir: absolute folder of the images that annotations name, or None: looked for.
        annotations_file: absolute file or folder of the annotations, or None: looked for.
        labels_file: table of labels, absolute or relative to the data folder, or None.
        path_column, group_column: its columns.
        label_columns: further columns; none: those with a usual name.
        classes: class names in the model's order; none: those found.
    """

    target: str = "label"
    train_dir: Path | None = None
    validation_dir: Path | None = None
    test_dir: Path | None = None
    images_dir: Path | None = None
    annotations_file: Path | None = None
    labels_file: Path | None = None
    path_column: str = "path"
    label_columns: tuple[str, ...] = ()
    group_column: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def split_dirs(self) -> dict[str, Path]:
        """The folders of splits that are named."""
        named = {"train": self.train_dir, "valid": self.validation_dir, "test": self.test_dir}
        return {split: path for split, path in named.items() if path}


class Reader(Protocol):
    """One data format, read in place.

    Attributes:
        LOOKS: what its data looks like, a few words; "" where it is asked for by name only.
    """

    LOOKS: str

    def detect(self, folder: Path, options: Options) -> bool:
        """Return True if the folder holds this format, at the cost of listing it."""

    def read(self, folder: Path, options: Options) -> "Samples":
        """Return all images with their annotations; ``split`` stays "" where the data does not give one.

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
            "label": [normalise_text(label) for _, _, label, _ in rows],
            "group": [normalise_text(group) for *_, group in rows],
            "sha256": "",
        },
        dtype=object,
    )
    images = FileImages([path for path, *_ in rows])
    return Samples(table=table, images=images, labels=[], root=root, warnings=tuple(warnings))


def target_samples(
    rows: Sequence[tuple[Path, str, str]],
    targets: "Targets",
    labels: Sequence[str],
    root: Path,
    *,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> "Samples":
    """Return Samples of image files with targets.

    Args:
        rows: absolute path, split and group of each image.
        targets: of as many rows.
        labels: class names in the model's order.
        root, warnings: as :func:`file_samples`.
        notes: how the data was understood, one sentence each.
    """
    from dataclasses import replace

    from auto_train.data.targets import texts

    cells = [(path, split, text, group) for (path, split, group), text in zip(rows, texts(targets), strict=True)]
    samples = file_samples(cells, root, warnings)
    return replace(samples, targets=targets, labels=list(labels), notes=tuple(notes))
