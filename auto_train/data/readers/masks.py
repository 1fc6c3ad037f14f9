"""Masks as images of class codes: in a folder masks/ beside images/, with the same stems."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.image import SUFFIXES
from auto_train.data.masks import SUFFIXES as MASK_SUFFIXES
from auto_train.data.masks import MaskFile
from auto_train.data.readers.base import Options, target_samples
from auto_train.data.readers.classes import names_in
from auto_train.data.readers.image_sets import find_sets
from auto_train.data.readers.mask_colours import are_by_colour, class_names, colour_maps, list_codes, warn_of_unused
from auto_train.data.readers.places import IMAGE_FOLDERS, inner_splits, list_folders, list_images_below, split_folders
from auto_train.errors import DataError, ImageError, format_list
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "masks/ beside images/, each mask with the stem of its image"
MASK_FOLDERS = ("masks", "mask", "segmentationclass", "segmentation", "annotations", "labels")
CLASS_FILES = ("classes.txt", "seg_classes.txt", "labels.txt")
# Folders of ImageSets, the likeliest first; lists of the others may name images without a mask.
SETS = ("Segmentation", "Main", "Layout")
# Suffixes of what may be meant as a mask and is none; JPEG and WebP change values.
OTHERS = (".jpg", ".jpeg", ".webp", ".npy", ".npz", ".json", ".xml", ".txt")
# An end of a mask's stem that the image's has not.
_END = "_mask"
# Masks that are looked into for values that mean something else than classes.
LOOKED_AT = 64

Pair = tuple[str, Path, Path]


def detect(folder: Path, options: Options) -> bool:
    """Return True if there is a folder of masks beside one of images."""
    kinds = (*MASK_SUFFIXES, *SUFFIXES)  # masks saved as JPEG are told when they are read
    return any(next(list_images_below(masks, kinds), None) for _, _, masks in _folders(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images that have a mask: that of the same stem, or with ``_mask`` behind it.

    Splits are folders around images/ and masks/ or in them, or ``ImageSets/Segmentation``. Class names are those of the
    INI, or lines of classes.txt, seg_classes.txt or labels.txt, in the order of the values; without any the values
    themselves. 255 is ignored. Where labelmap.txt names the colours that masks show, these say the classes.

    Raises:
        DataError: no folders, masks without an image, several files of a stem; masks of 0 and 255 alone; masks none of
            which can be read.
    """
    folders = _folders(folder, options)
    if not folders:
        raise DataError("no folder of masks beside one of images", where=str(folder), allowed="images/ and masks/")
    problems: list[str] = []
    warnings: list[str] = []
    pairs = [pair for place in folders for pair in _pairs(place, problems, warnings)]
    lists = find_sets(folder, SETS)
    if sets := lists.splits:
        pairs = [(sets[stem], image, mask) for _, image, mask in pairs if (stem := normalise_text(image.stem)) in sets]
        missing = sorted(set(sets) - {normalise_text(image.stem) for _, image, _ in pairs})
        text = f"in {lists.name}, and no image with a mask"
        if lists.name.lower().endswith(SETS[0].lower()):
            problems += [f"{stem}: {text}" for stem in missing]
            missing = []
        warnings = [f"{folder}: {len(missing)} images are {text}: {missing[0]} for one"] if missing else []
    warnings += lists.warnings
    if problems:
        raise DataError(format_list(f"{len(problems)} masks cannot be used", problems), where=str(folder))
    if not pairs:
        raise DataError("no image has a mask of the same stem", where=str(folder), allowed="images/A.jpg, masks/A.png")
    return _samples(pairs, folder, options, warnings)


def _samples(pairs: Sequence[Pair], folder: Path, options: Options, warnings: Sequence[str]) -> "Samples":
    from auto_train.data.targets import Masks

    masks = [mask for *_, mask in pairs]
    maps = colour_maps(masks, folder)
    by_colour = bool(maps) and are_by_colour(masks[:: max(len(masks) // LOOKED_AT, 1)], maps)
    if by_colour:
        names = class_names(maps, options.classes)
        codes = list_codes(maps, names)
        notes = [f"masks are read by colour, as {file} says" for file in sorted({one.file for one in maps.values()})]
    sums = _sums(pairs, folder)
    sources = [
        MaskFile(mask, sum, codes.get(mask.parent, ()) if by_colour else ())
        for mask, sum in zip(masks, sums, strict=True)
    ]
    if not by_colour:
        warnings = [*warnings, *warn_of_unused(maps)]
        names, notes = _names_of_numbers(sources, folder, options)
    rows = [(image, split, "") for split, image, _ in pairs]
    targets = Masks(names=tuple(names), sources=sources)
    return target_samples(rows, targets, names, folder, warnings=warnings, notes=notes)


def _names_of_numbers(sources: Sequence[MaskFile], folder: Path, options: Options) -> tuple[list[str], list[str]]:
    """Return the class names by mask value, and a note on where they are from.

    Raises:
        DataError: masks that mean something else than classes by their values, or none that can be read.
    """
    names, file = (list(options.classes), None) if options.classes else names_in(folder, CLASS_FILES)
    values = _values(sources[:: max(len(sources) // LOOKED_AT, 1)] if names else sources)
    place = sources[0].path.parent
    if 255 in values and values <= {0, 255}:
        message = f"masks hold 0 and 255 only, and 255 is ignored: {sources[0].path.name}"
        raise DataError(message, where=str(place), allowed="0, 1, 2 … for the classes",
                        hint="save them with 1 in place of 255")  # fmt: skip
    notes = [f"class names are the lines of {file}"] if file else []
    if not names:
        _check_gaps(values - {255}, place)
        names = ["background", *(str(value) for value in range(1, max(values - {255}, default=0) + 1))]
        notes = [f"classes have no names: {CLASS_FILES[0]} in {folder} or [project] classes gives them, line by line"]
    if len(names) < 2:
        raise DataError(f"one class only, '{names[0]}'", where=str(file or folder), allowed="at least two classes")
    return names, notes


def _check_gaps(values: set[int], folder: Path) -> None:
    """Pass if values without names may be numbers of classes: most of those up to the largest occur.

    Raises:
        DataError: they are shades of grey, or of something else.
    """
    if len(values | {0}) * 2 > max(values, default=0):
        return
    shown = ", ".join(map(str, sorted(values)[:10])) + (", …" if len(values) > 10 else "")
    message = f"masks hold the values {shown}, and nothing names the classes"
    hint = f"save the numbers of the classes, or name those up to {max(values)} line by line in {CLASS_FILES[0]}"
    raise DataError(message, where=str(folder), allowed="0, 1, 2 … for the classes", hint=hint)


def _folders(folder: Path, options: Options) -> list[Pair]:
    """Return split, folder of images and folder of masks, as often as there are such pairs."""
    if options.images_dir and options.annotations_file:
        bases = [("", options.images_dir, options.annotations_file)]
    else:
        bases = [
            (split, images, masks)
            for split, base in split_folders(folder, options)
            for images in ([options.images_dir] if options.images_dir else _find_folders(base, IMAGE_FOLDERS))
            for masks in ([options.annotations_file] if options.annotations_file else _find_folders(base, MASK_FOLDERS))
        ]
    return [pair for base in bases for pair in _inner(*base)]


def _find_folders(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the folder with the first of these names that is there."""
    found = [path for name in names for path in list_folders(folder) if path.name.lower() == name]
    return found[:1]


def _inner(split: str, images: Path, masks: Path) -> list[Pair]:
    """Return the folders of splits in both, or the two themselves."""
    return (inner_splits(images, masks) if not split else []) or [(split, images, masks)]


def _pairs(place: Pair, problems: list[str], warnings: list[str]) -> Iterator[Pair]:
    split, images, masks = place
    by_stem: dict[str, Path] = {}
    for path in list_images_below(images, SUFFIXES):
        stem = normalise_text(str(path.relative_to(images).with_suffix("")))
        if stem in by_stem:
            problems.append(f"{path}: a second image of this name beside {by_stem[stem].name}")
        by_stem[stem] = path
    used: dict[str, Path] = {}
    for path in list_images_below(masks, MASK_SUFFIXES):
        stem = normalise_text(str(path.relative_to(masks).with_suffix("")))
        own = stem if stem in by_stem else stem.removesuffix(_END)
        if own not in by_stem:
            problems.append(f"{path}: no image of this name in {images}")
        elif own in used:
            problems.append(f"{path}: a second mask of {by_stem[own].name} beside {used[own].name}")
        used[own] = path
    for path in list_images_below(masks, OTHERS) if masks != images else ():
        stem = normalise_text(str(path.relative_to(masks).with_suffix("")))
        own = stem if stem in by_stem else stem.removesuffix(_END)
        if own in by_stem and own not in used:
            problems.append(f"{path}: of another format than masks, {', '.join(MASK_SUFFIXES)}")
    if without := [stem for stem in by_stem if stem not in used]:
        warnings.append(f"{images}: {len(without)} images have no mask and are not used, {min(without)} for one")
    yield from ((split, by_stem[stem], used[stem]) for stem in by_stem if stem in used)


def _sums(pairs: Sequence[Pair], folder: Path) -> list[str]:
    """Return the sha256 of each mask's file.

    Raises:
        DataError: files that cannot be read, all of them.
    """
    from auto_train.data.checksum import hash_files
    from auto_train.data.parallel import create_pool, map_in_order

    blocks = [[mask for _, _, mask in pairs[start : start + 256]] for start in range(0, len(pairs), 256)]
    with create_pool("masks") as pool:
        found = [one for block in map_in_order(pool, hash_files, blocks, ahead=16) for one in block]
    problems = [
        f"{mask}: {one.strerror}" for (*_, mask), one in zip(pairs, found, strict=True) if not isinstance(one, str)
    ]
    if problems:
        raise DataError(format_list(f"{len(problems)} masks cannot be read", problems), where=str(folder))
    return [str(one) for one in found]


def _values(sources: Sequence[MaskFile]) -> set[int]:
    """Return the values in masks; of some that cannot be read the doctor says why.

    Raises:
        DataError: none can be read; why the first one cannot.
    """
    import numpy as np

    from auto_train.data.parallel import create_pool, map_in_order

    def values_of(source: MaskFile) -> set[int] | ImageError:
        try:
            return set(np.unique(source.read()).tolist())
        except ImageError as error:
            return error

    with create_pool("masks") as pool:
        found = list(map_in_order(pool, values_of, sources, ahead=64))
    errors = [one for one in found if isinstance(one, ImageError)]
    if len(errors) == len(found):
        first = errors[0]
        message = f"none of {len(found)} masks looked at can be read; the first one {first.message}"
        raise DataError(message, where=first.where, allowed=first.allowed, hint=first.hint)
    return set().union(*(one for one in found if not isinstance(one, ImageError)))
