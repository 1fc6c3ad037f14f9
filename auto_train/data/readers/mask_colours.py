"""Whether the colours of masks say their classes: where a labelmap.txt beside them names colours that they show."""

from collections.abc import Sequence
from pathlib import Path

from auto_train.data.mask_codes import Colours, find_colours
from auto_train.data.readers.labelmap import BLACK, LabelMap, find_labelmap
from auto_train.errors import DataError, ImageError, format_list


def colour_maps(masks: Sequence[Path], folder: Path) -> dict[Path, LabelMap]:
    """Return the label map of each folder of masks: of the nearest labelmap.txt from there up to the data's folder.

    Raises:
        DataError: one cannot be used.
    """
    found: dict[Path, LabelMap] = {}
    for place in dict.fromkeys(mask.parent for mask in masks):
        above = [place, *place.parents]
        near = above[: above.index(folder) + 1] if folder in above else [place, place.parent, folder]
        if labelmap := find_labelmap(near):
            found[place] = labelmap
    return found


def are_by_colour(masks: Sequence[Path], maps: dict[Path, LabelMap]) -> bool:
    """Tell whether some of these masks show a colour that their label map names, black aside."""
    for mask in masks:
        named = set(maps[mask.parent].colours.values()) if mask.parent in maps else set()
        try:
            if (find_colours(mask) & named) - {BLACK}:
                return True
        except ImageError:  # the doctor says why
            continue
    return False


def class_names(maps: dict[Path, LabelMap], classes: Sequence[str]) -> list[str]:
    """Return the class names by code, the background first.

    Args:
        classes: the INI states, () for none.

    Raises:
        DataError: a label map names others than these, or none but one.
    """
    from auto_train.data.draw import BACKGROUNDS

    names = list(dict.fromkeys(name for labelmap in maps.values() for name in labelmap.names))
    where = str(next(iter(maps.values())).file)
    if not classes:
        if len(names) < 2:
            raise DataError(f"names one class only, '{names[0]}'", where=where, allowed="at least two classes")
        return sorted(names, key=lambda name: name.lower() not in BACKGROUNDS)
    background = [name for name in names if name.lower() in BACKGROUNDS and name not in classes]
    if unknown := [name for name in names if name not in (*classes, *background)]:
        hint = "add them to [project] classes, or remove that line to have the classes of labelmap.txt"
        message = format_list("classes that are not among those of the INI", unknown)
        raise DataError(message, where=where, allowed=", ".join(classes), hint=hint)
    return [*background[:1], *classes]


def list_codes(maps: dict[Path, LabelMap], names: Sequence[str]) -> dict[Path, Colours]:
    """Return the class code of each colour, for each folder of masks."""
    return {place: labelmap.codes(names) for place, labelmap in maps.items()}


def warn_of_unused(maps: dict[Path, LabelMap]) -> list[str]:
    """Return a warning of label maps whose colours no mask shows."""
    files = sorted({labelmap.file for labelmap in maps.values()})
    return [f"{file}: no mask shows its colours; masks are read by number" for file in files]
