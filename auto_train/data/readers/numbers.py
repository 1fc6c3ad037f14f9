"""Numbers in text, as tables and annotation files hold them."""

import math
import re
import sys
from collections.abc import Iterable

from auto_train.errors import DataError

# What a number in a file may be; whole numbers in JSON have no end.
LARGEST = sys.float_info.max
# Pixels. No image has a longer side.
_LONGEST = 10**9
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def number_in(text: str) -> float | None:
    """Return the finite number a text is, or None: for nothing, words, nan, inf, and 1_000 or 1,5."""
    if not _PLAIN.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def check_decimals(column: str, cells: Iterable[str], where: str) -> None:
    """Pass if most cells of a column are no numbers with a comma, which would be taken for names.

    Raises:
        DataError: they are.
    """
    filled = [cell for cell in cells if cell]
    found = [cell for cell in filled if "," in cell and number_in(cell.replace(",", ".", 1)) is not None]
    if len(found) > len(filled) / 2:
        message = f"column '{column}' holds numbers with decimal commas: '{found[0]}'"
        raise DataError(message, where=where, allowed="decimal points", hint="save the table with decimal points")


def side_in(value: object) -> int:
    """Return the side of an image in pixels that a file says; 0 where it says nothing of use."""
    number = number_in(value) if isinstance(value, str) else value
    return int(number) if isinstance(number, int | float) and 0 < number <= _LONGEST and number % 1 == 0 else 0
