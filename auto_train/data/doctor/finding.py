"""What can be found, how bad it is and what to do about it; and one finding with the images it is about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from auto_train.data.samples import Samples

Severity = Literal["error", "warning", "info"]
# Of one finding: what the report names. The exclude list has all of them.
MAX_ITEMS = 100
# Classes that are named in a sentence.
MAX_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of finding.

    Attributes:
        severity: an error stops training; a warning says that metrics or model suffer; an info is good to know.
        title: what there is so and so many of.
        advice: what to do.
    """

    severity: Severity
    title: str
    advice: str


def _error(title: str, advice: str) -> Kind:
    return Kind(severity="error", title=title, advice=advice)


def _warning(title: str, advice: str) -> Kind:
    return Kind(severity="warning", title=title, advice=advice)


def _info(title: str, advice: str) -> Kind:
    return Kind(severity="info", title=title, advice=advice)


# In the order of the report, within a severity.
KINDS = {
    "missing": _error("files that are not there", "restore them, or remove them from the table or the folder"),
    "not_allowed": _error("files that may not be read", "give the user who trains the right to read them: chmod u+r"),
    "empty": _error("files of 0 bytes", "fetch them again, or leave them out"),
    "not_an_image": _error("files that are no images", "remove them, or leave them out"),
    "not_decoded": _error(
        "images in a format that is not decoded (HEIC, AVIF, …)",
        "convert them to JPEG: heif-convert photo.heic photo.jpg, avifdec photo.avif photo.jpg, or leave them out",
    ),
    "truncated": _error("images that end too early", "fetch them again, or leave them out"),
    "unreadable": _error("images that cannot be decoded", "replace them, or leave them out"),
    "too_large": _error("images of too many pixels", "save them smaller, or leave them out"),
    "all_identical": _error("images, all of the same content", "look at how they were exported: nothing can be learnt"),
    "conflicting_labels": _error(
        "images whose content is labelled otherwise too", "keep the copy that is labelled rightly, remove the others"
    ),
    "box_swapped": _error(
        "boxes whose corners are swapped", "write left before right and top before bottom, or leave the images out"
    ),
    "box_far_outside": _error(
        "boxes wholly outside of their image",
        "see whether they were drawn on an image of another size; correct them, or leave the images out",
    ),
    "box_image_size": _error(
        "images of another size than their boxes were drawn on",
        "see which of the two is right: export the annotations again, or leave the images out",
    ),
    "no_boxes": _error("splits without a single box", "look for the annotation files, or at what is excluded"),
    "mask_unreadable": _error("masks that cannot be read", "restore them, or leave the images out"),
    "mask_size": _error(
        "masks of another size than their image", "export them again in the image's size, or leave the images out"
    ),
    "mask_value_unknown": _error(
        "masks with values that stand for no class",
        "name all classes in [project] classes, or write 255 where a pixel is of none",
    ),
    "mask_255_as_object": _error(
        "masks of 0 and 255 beside masks of class codes",
        "255 is ignored in training and in metrics: save them with the class's number in place of 255, "
        "or leave the images out",
    ),
    "mask_palette": _error(
        "masks whose palettes contradict each other",
        "save all masks with one palette; or name the class of each colour in labelmap.txt beside the masks' folder, "
        "a line 'name:red,green,blue::' each, and masks are read by colour",
    ),
    "mask_one_class": _error(
        "splits whose masks hold one class only", "look at how they were exported: nothing can be learnt"
    ),
    "value_constant": _error(
        "columns of one value", "leave them out of [project.data] label_column: nothing can be learnt"
    ),
    "empty_split": _error(
        "splits with too few images", "set [project.data] valid_fraction, or name the folders in [training.data]"
    ),
    "duplicate_across_splits": _warning(
        "copies of one content in several splits",
        "metrics are too good by what was learnt by heart; leave the copies out of the split that is trained on",
    ),
    "near_duplicate_across_splits": _warning(
        "images that look like one in another split",
        "metrics may be too good; give images of one scene, patient or video one group: [project.data] group_column",
    ),
    "group_across_splits": _warning(
        "groups with images in several splits",
        "metrics are too good where a model knows the patient, scene or video; move the images of a group into one "
        "split, or leave out the given validation split: one is drawn in which groups stay together",
    ),
    "near_conflicting_labels": _warning(
        "images that look like one labelled otherwise", "look at them: one of the labels may be wrong"
    ),
    "box_zero_area": _warning("boxes without area", "they are left out of training; draw them anew, or remove them"),
    "box_outside": _warning(
        "boxes that reach outside of their image", "they are cut at its edge; see whether they are where they belong"
    ),
    "box_share": _warning(
        "boxes within the first pixel of their image",
        "their numbers may be shares of the image, 0 to 1, where others are pixels: multiply x by its width and y by "
        "its height",
    ),
    "box_duplicate": _warning(
        "boxes that are there before in the same image", "remove them: an object is found once, and missed twice"
    ),
    "mask_ignored": _warning("masks in which every pixel is ignored", "nothing is learnt from them; leave them out"),
    "mask_0_255": _warning(
        "masks of background and ignored pixels alone",
        "255 is ignored in training and in metrics: if it marks an object, save its class's number in its place",
    ),
    "value_outlier": _warning(
        "values far away from all others",
        "see whether unit and decimal point are right: they weigh much in training",
    ),
    "label_always": _warning(
        "labels that every training image has", "add images without them, or leave them out: nothing can be learnt"
    ),
    "class_missing_in_split": _warning(
        "classes without an image in a split", "a class needs images to be learnt from and others to be measured on"
    ),
    "imbalance": _warning(
        "classes that are rare beside the largest",
        "collect more of them, or weigh them: [training.scheme] balance for classes and masks, loss for labels",
    ),
    "blank": _warning("images of one colour", "remove them unless they are meant: there is nothing to see"),
    "tiny": _warning("images of less than 8 pixels a side", "look for larger originals"),
    "extreme_aspect": _warning(
        "images more than 5 times as long as wide", "cut them: the model sees them squeezed to a square"
    ),
    "odd_mode": _warning(
        "images whose values change on the way to 8-bit RGB", "convert them where you see what comes out"
    ),
    "narrow_range": _warning(
        "16-bit images that use a small part of their range",
        "scale their values to the full range, 12 bits times 16: with 8 bits they are nearly black",
    ),
    "duplicate": _info("copies of one content in one split", "they count double; leave the copies out"),
    "near_duplicate": _info("images that look like one in the same split", "few new views in many images"),
    "mixed_modes": _info(
        "images of another mode than most", "fine, unless the mode gives the class away: grey among colour"
    ),
    "transparent": _info("images with transparency", "they are laid on white; put your own background behind them"),
    "exif_rotated": _info(
        "images that their EXIF tag turns", "they are turned here; boxes and masks must be of the turned image"
    ),
    "box_tiny": _info("very small boxes", "a larger [architecture] image_size lets a model see them, if at all"),
    "image_without_boxes": _info("images without a box", "fine where there is nothing: they teach what is no object"),
    "image_without_labels": _info("images without a label", "fine where none is true of them"),
    "mask_empty": _info("masks of nothing but background", "fine where there is nothing: they teach what is no object"),
}


@dataclass(frozen=True, kw_only=True)
class Item:
    """What a finding names: an image or, without a path, a class or a split.

    Attributes:
        path: as in the table.
        group: images of one number belong together.
        row: of the table, for its picture.
        boxes: those that are meant, by their number among the samples' boxes.
    """

    path: str = ""
    split: str = ""
    label: str = ""
    message: str
    group: int | None = None
    row: int | None = None
    boxes: tuple[int, ...] = ()

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.path, self.message]))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of finding in a data set.

    Attributes:
        count: how many images, boxes, classes or splits there are of it.
        items: the first of them, MAX_ITEMS at most.
        leave_out: rows of the table without which there would be none of it.
    """

    code: str
    count: int
    items: tuple[Item, ...]
    leave_out: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return the title with the classes it is about, where these are few, else with how many there are."""
        classes = dict.fromkeys(item.label for item in self.items if item.label and not item.path)
        return f"{self.title} ({', '.join(classes) if 0 < len(classes) <= MAX_NAMED else f'{self.count:,}'})"

    @property
    def severity(self) -> Severity:
        return KINDS[self.code].severity

    @property
    def title(self) -> str:
        return KINDS[self.code].title

    @property
    def advice(self) -> str:
        return KINDS[self.code].advice


def of_rows(
    code: str,
    samples: Samples,
    found: Iterable[tuple[int, str]],
    *,
    leaves_out: bool = False,
    has_pictures: bool = True,
) -> list[Finding]:
    """Return the finding about these rows, each with a message; none where there are none.

    Args:
        leaves_out: the exclude list names them.
        has_pictures: false: the images do not decode.
    """
    rows = list(found)
    if not rows:
        return []
    items = tuple(item_of(samples, row, message) for row, message in rows[:MAX_ITEMS])
    if not has_pictures:
        items = tuple(replace(item, row=None) for item in items)
    leave_out = tuple(row for row, _ in rows) if leaves_out else ()
    return [Finding(code=code, count=len(rows), items=items, leave_out=leave_out)]


def of_classes(code: str, items: list[Item]) -> list[Finding]:
    """Return the finding about these classes or splits; none where there are none."""
    return [Finding(code=code, count=len(items), items=tuple(items[:MAX_ITEMS]))] if items else []


def item_of(samples: Samples, row: int, message: str, group: int | None = None) -> Item:
    """Return what names an image of the table."""
    path, split, label = (str(samples.table[name].iat[row]) for name in ("path", "split", "label"))
    return Item(path=path, split=split, label=label, message=message, group=group, row=int(row))
