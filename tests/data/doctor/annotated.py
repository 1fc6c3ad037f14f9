"""Annotated images made in a test: photographs with boxes, masks, numbers or sets of labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from auto_train.data.doctor import Examination, examine, look_at_all
from auto_train.data.images import FileImages
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes, Masks, Targets, texts
from auto_train.errors import ImageError

NAMES = ("cell", "nucleus")


@dataclass(frozen=True)
class ArrayMask:
    """A mask in memory; None: one that does not decode."""

    array: np.ndarray | None

    @property
    def where(self) -> str:
        return "mask.png"

    def read(self) -> np.ndarray:
        if self.array is None:
            raise ImageError("is damaged", where=self.where)
        return self.array

    def digest(self) -> str:
        array = np.zeros(0, np.uint8) if self.array is None else self.array
        return sha256(f"{array.shape}".encode() + array.tobytes()).hexdigest()[:16]


def boxes_of(rows: Sequence[Sequence[Sequence[float]]], *, is_crowd: bool = False) -> Boxes:
    """Return boxes, (left, top, right, bottom) or these and a class code for each of a row."""
    found = [box for boxes in rows for box in boxes]
    return Boxes(
        names=NAMES,
        corners=np.array([box[:4] for box in found], np.float32).reshape(-1, 4),
        codes=np.array([box[4] if len(box) > 4 else 0 for box in found], np.int32),
        is_crowd=np.full(len(found), is_crowd),
        ends=np.cumsum([len(boxes) for boxes in rows], dtype=np.int64),
        files=[f"{row}.xml" for row in range(len(rows))],
        lines=np.arange(1, len(found) + 1, dtype=np.int32),
    )


def masks_of(arrays: Sequence[np.ndarray | None], names: tuple[str, ...] = ("background", "nucleus")) -> Masks:
    return Masks(names=names, sources=[ArrayMask(array) for array in arrays])


def samples_of(folder: Path, targets: Targets, labels: Sequence[str] = NAMES, splits: Sequence[str] = ()) -> Samples:
    """Return samples of the sorted images of a folder, with these targets and, by default, train but for the last."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    n = len(targets)
    table = pd.DataFrame(
        {
            "path": [str(path.relative_to(folder)) for path in paths],
            "split": list(splits) or ["train"] * (n - 1) + ["valid"],
            "label": texts(targets),
            "group": [""] * n,
            "sha256": [""] * n,
        },
        dtype=object,
    )
    return Samples(table=table, images=FileImages(paths), labels=list(labels), targets=targets, root=folder)


def examination_of(samples: Samples) -> Examination:
    looks = look_at_all(samples)
    samples = samples.with_column("sha256", looks.sums)
    if looks.masks and isinstance(samples.targets, Masks):
        samples = replace(samples, targets=looks.masks.add_class_names(samples.targets))
    return examine(samples, looks)


def messages(examination: Examination, code: str) -> list[str]:
    """Return what the items of a finding say; none where there is none."""
    return [item.message for one in examination.findings if one.code == code for item in one.items]
