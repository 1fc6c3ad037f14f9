"""The size that a table of boxes says an image has: the one its boxes were drawn on."""

from collections.abc import Sequence
from pathlib import Path

from auto_train.data.readers.numbers import number_in, side_in
from auto_train.data.readers.rows import Row
from auto_train.data.readers.table import Table

# Names of the two columns, the plainest first, as they are without case and signs.
NAMES = (("imagewidth", "imageheight"), ("imgwidth", "imgheight"), ("imwidth", "imheight"), ("width", "height"))
# Pixels by which the sides of a box may be rounded, or counted from both edges.
_ROUNDING = 1.01


class ImageSizes:
    """Width and height of the image of a row.

    Args:
        tables: whose columns say them.
        corners: names that the columns of corners may have: width and height may be those of the boxes.
    """

    def __init__(self, tables: Sequence[Table], corners: Sequence[Sequence[str]]):
        self._columns: dict[Path, tuple[str, str] | None] = {
            table.path: _columns_of(table, corners) for table in tables
        }

    def __call__(self, row: Row) -> tuple[int, int]:
        """Return width and height in pixels; 0, 0 where the table says nothing of use."""
        columns = self._columns[row.table.path]
        if not columns:
            return 0, 0
        width, height = (side_in(row.table.columns[name][row.number]) for name in columns)
        return (width, height) if width and height else (0, 0)


def _columns_of(table: Table, corners: Sequence[Sequence[str]]) -> tuple[str, str] | None:
    plain = {name.lower().replace("_", "").replace(" ", ""): name for name in table.columns}
    found = next(((plain[one], plain[other]) for one, other in NAMES if one in plain and other in plain), None)
    four = next((names for names in corners if {*names} <= table.columns.keys()), None)
    return None if found and four and _are_of_boxes(table, four, found) else found


def _are_of_boxes(table: Table, corners: Sequence[str], columns: tuple[str, str]) -> bool:
    """Tell whether most widths and heights are those of the boxes themselves, which do not all begin at 0, 0."""
    cells = zip(*(table.columns[name] for name in (*corners, *columns)), strict=True)
    read = ([number for text in texts if (number := number_in(text)) is not None] for texts in cells)
    rows = [numbers for numbers in read if len(numbers) == len(corners) + len(columns)]
    same = sum(
        abs(right - left - width) < _ROUNDING and abs(bottom - top - height) < _ROUNDING
        for left, top, right, bottom, width, height in rows
    )
    return same > len(rows) / 2 and any(row[0] or row[1] for row in rows)
