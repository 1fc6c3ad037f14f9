"""Which column of an unknown table names images: by their suffixes, or by stems such as Kaggle's ids."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from auto_train.data.readers.base import Options
from auto_train.data.readers.header import check_header, has_image_suffix
from auto_train.data.readers.metadata import words_of
from auto_train.data.readers.places import Places
from auto_train.data.readers.rows import PATH_NAMES
from auto_train.data.readers.table import Table
from auto_train.errors import DataError

# Cells that tell a column of files.
CELLS = 50
# Words in the names of columns that may hold names of files without their suffix.
_WORDS = {"id", "image", "img", "file", "filename", "name", "path", "picture", "photo"}


class NoImagesError(DataError):
    """The table is about something else than images."""


def path_column(table: Table, folder: Path) -> str:
    """Return the column whose cells name images.

    Args:
        folder: of the data.

    Raises:
        NoImagesError: none does.
        DataError: several do; their images are not here; the first row is no header.
    """
    places, beside = Places(folder, Options()), table.path.parent

    def are_here(name: str) -> bool:
        return _are_most(not places.locate(cell, beside)[1] for cell in _some(table.columns[name]))

    named = [name for name, cells in table.columns.items() if _are_most(map(has_image_suffix, _some(cells)))]
    found = [name for name in named if are_here(name)]
    if not named:
        found = [name for name in table.columns if are_here(name)]
        found = [name for name in found if _WORDS & {*words_of(name)}] or found
    if len(found) > 1:
        found = [name for name in found if name.lower() in PATH_NAMES] or found
    if len(found) != 1:
        raise _without_zeros(table, places) if not (found or named) else _unclear(table, found, named)
    if found[0].lower() not in PATH_NAMES and not places.locate(found[0], beside)[1]:
        check_header(list(table.columns), table.path, found[0].__eq__)
    return found[0]


def _some(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell][:CELLS]


def _are_most(hits: Iterable[bool]) -> bool:
    found = list(hits)
    return sum(found) > len(found) / 2


def _unclear(table: Table, found: Sequence[str], named: Sequence[str]) -> DataError:
    where, hint = str(table.path), f"its columns are: {', '.join(table.columns)}"
    allowed = "one column of paths relative to the table or its folder"
    if len(found) > 1:
        return DataError(f"several columns name images: {', '.join(found)}", where=where, allowed=allowed, hint=hint)
    if named:
        cell = _some(table.columns[named[0]])[0]
        hint = "name the folder that holds the table and, at any depth, the images"
        return DataError(f"the images of column '{named[0]}' are not here: '{cell}'", where=where, hint=hint)
    return NoImagesError("no column names images", where=where, allowed=allowed, hint=hint)


def _without_zeros(table: Table, places: Places) -> DataError:
    """Return that a column has numbers of images without the zeros before them, or that no column names images."""
    for name, cells in table.columns.items():
        some = _some(cells)
        if _WORDS & {*words_of(name)} and _are_most(bool(places.find_same_number(cell)) for cell in some):
            message = f"column '{name}' has lost the zeros before its numbers: '{some[0]}'"
            image = places.find_same_number(some[0])
            hint = "save the table again with the column as text, as spreadsheets drop such zeros otherwise"
            return DataError(message, where=str(table.path), allowed=f"names of images: '{image}'", hint=hint)
    return _unclear(table, [], [])
