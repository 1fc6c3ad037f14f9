"""The first row of a table: names of columns, or data already."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.numbers import number_in
from auto_train.errors import DataError


def has_image_suffix(name: str) -> bool:
    """Tell whether a text ends as the names of image files do."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - any text


def check_header(names: Sequence[str], path: Path, is_image: Callable[[str], bool]) -> None:
    """Pass if the first row of a table names no image: then it is data.

    Raises:
        DataError: it does; the hint is a header that fits.
    """
    if image := next((name for name in names if is_image(name)), ""):
        hint = f"add a first line with the names of the columns: {','.join(_names_for(names, is_image))}"
        message = f"has no header; the first row is data: '{image}'"
        raise DataError(message, where=f"{path}:1", allowed="a first row of column names", hint=hint)


def _names_for(cells: Sequence[str], is_image: Callable[[str], bool]) -> list[str]:
    """Return names for the columns of a row: path, corners of a box, label; others are numbered."""
    kinds = ["image" if is_image(cell) else "number" if number_in(cell) is not None else "text" for cell in cells]
    names = [f"column{number}" for number in range(1, len(cells) + 1)]
    names[kinds.index("image")] = "path"
    for start in range(len(kinds) - 3):
        if kinds[start : start + 4] == ["number"] * 4 and kinds.count("number") == 4:
            names[start : start + 4] = ["x1", "y1", "x2", "y2"]
    others = [at for at, kind in enumerate(kinds) if names[at].startswith("column")]
    texts = [at for at in others if kinds[at] == "text"] or others
    if texts:
        names[texts[0]] = "label"
    return names
