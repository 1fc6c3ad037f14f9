"""All checks over what was seen, and their result as one value."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from auto_train.data.doctor.boxes import check_box_splits, check_boxes
from auto_train.data.doctor.classes import check_classes, check_splits, count_classes
from auto_train.data.doctor.copies import MIN_SIDE, check_copies
from auto_train.data.doctor.files import check_blank, check_modes, check_orientation, check_problems, check_sizes
from auto_train.data.doctor.finding import KINDS, Finding
from auto_train.data.doctor.groups import check_groups
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.mask_sets import check_mask_sets
from auto_train.data.doctor.masks import check_mask_splits, check_masks
from auto_train.data.doctor.values import check_label_sets, check_values
from auto_train.data.images import FileImages
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes, Values

SCHEMA_VERSION = 1
Check = Callable[[Samples, Looks], list[Finding]]
# What makes single images useless, also for an evaluation.
ROW_CHECKS: tuple[Check, ...] = (check_problems, check_boxes, check_masks)
CHECKS: tuple[Check, ...] = (
    *ROW_CHECKS,
    check_copies,
    check_groups,
    check_splits,
    check_classes,
    check_box_splits,
    check_mask_splits,
    check_mask_sets,
    check_values,
    check_label_sets,
    check_modes,
    check_orientation,
    check_sizes,
    check_blank,
)
_SEVERITIES = ("error", "warning", "info")
_ORDER = {code: (_SEVERITIES.index(kind.severity), at) for at, (code, kind) in enumerate(KINDS.items())}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found in a data set.

    Attributes:
        samples: what was examined.
        findings: errors first.
        splits: number of images by split.
        classes: number of images by class and split.
        seen: of the images that decode: how many of each ``modes`` and ``formats``, and the ``smallest``, ``median``
            and ``largest`` [width, height] in pixels; how many ``boxes``; of numbers their ``columns``, with the
            smallest, the median and the largest of each.
        notes: how the data was understood, and what could not be checked.
    """

    samples: Samples
    findings: tuple[Finding, ...]
    splits: dict[str, int]
    classes: dict[str, dict[str, int]]
    seen: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def summary(self) -> str:
        """One sentence with all warnings; "" where there are none."""
        found = [str(one) for one in self.findings if one.severity == "warning"]
        return f"found in the data: {', '.join(found)}; see data_report.html" if found else ""

    def to_dict(self) -> dict[str, Any]:
        """Return what data_report.json holds."""
        return {
            "schema_version": SCHEMA_VERSION,
            "images": len(self.samples),
            "root": str(self.samples.root or ""),
            "splits": self.splits,
            "classes": self.classes,
            "seen": self.seen,
            "notes": list(self.notes),
            "findings": [finding_to_dict(finding) for finding in self.findings],
        }


def examine(samples: Samples, looks: Looks, *, checks: Sequence[Check] = CHECKS) -> Examination:
    """Return what the checks find.

    Args:
        samples: with a split in every row whose image can be used.
        looks: of the same rows.
        checks: those to make.
    """
    findings = [finding for check in checks for finding in check(samples, looks)]
    table = samples.table
    names = () if isinstance(samples.targets, Values) else samples.labels
    classes: dict[str, dict[str, int]] = {label: {} for label in names}
    for (split, label), number in sorted(count_classes(samples).items(), key=lambda item: item[0][::-1]):
        classes.setdefault(label, {})[split] = number
    counts = Counter(table["split"])
    return Examination(
        samples=samples,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.code])),
        splits={split: counts[split] for split in ("train", "valid", "test", "") if split in counts},
        classes=classes,
        seen=_summarise_looks(looks) | _summarise_annotations(samples),
        notes=_notes(samples, looks),
    )


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """Return a finding as data_report.json holds it."""
    items = [
        {name: value for name, value in asdict(item).items() if name not in ("row", "boxes")} for item in finding.items
    ]
    named = {name: getattr(finding, name) for name in ("code", "severity", "title", "advice", "count")}
    return {**named, "items": items}


def _summarise_looks(looks: Looks) -> dict[str, Any]:
    sizes = looks.sizes[looks.whole]
    if not len(sizes):
        return {}
    by_area = sizes[np.argsort(sizes.astype(np.int64).prod(axis=1), kind="stable")].tolist()
    return {
        "modes": dict(Counter(mode for mode in looks.modes if mode).most_common()),
        "formats": dict(Counter(format for format in looks.formats if format).most_common()),
        "smallest": by_area[0],
        "median": by_area[len(by_area) // 2],
        "largest": by_area[-1],
    }


def _summarise_annotations(samples: Samples) -> dict[str, Any]:
    """Return how many boxes there are, and of numbers the smallest, the median and the largest of each column."""
    targets = samples.targets
    if isinstance(targets, Boxes):
        return {"boxes": len(targets.corners)}
    if not isinstance(targets, Values) or not len(targets):
        return {}
    ranges = np.quantile(targets.array, [0, 0.5, 1], axis=0).T.tolist()
    return {"columns": dict(zip(targets.names, ranges, strict=True))}


def _notes(samples: Samples, looks: Looks) -> tuple[str, ...]:
    notes = [*samples.notes]
    if not isinstance(samples.images, FileImages):
        notes.append("the images are in memory: there are no files, modes and EXIF tags to look at")
    if small := int((looks.sizes[looks.whole].min(axis=1) < MIN_SIDE).sum()):
        notes.append(f"{small:,} images of less than {MIN_SIDE} pixels a side were not compared for near duplicates")
    return tuple(notes)
