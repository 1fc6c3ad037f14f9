"""Numbers in text, as tables and annotation files hold them."""

import math
import re
import sys
from collections.abc import Iterable, Sequence

from auto_train.errors import DataError

# What a number in a file may be; whole numbers in JSON have no end.
LARGEST = sys.float_info.max
# Pixels. No image has a longer side.
_LONGEST = 10**9
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

# With commas: of decimals or between thousands. With more than one point, or one before a comma.
_MARKED = re.compile(r"[+-]?(\d+,\d+|\d{1,3}(,\d{3})+(\.\d+)?|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,})")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_WITH_UNIT = re.compile(r"[+-]?(\d+([.,]\d+)?)\s*(?P<unit>[A-Za-zµ°%€$£/²³]+)")
_POINTED = re.compile(r"[1-9]\d{0,2}\.\d{3}")


def number_in(text: str) -> float | None:
    """Return the finite number a text is, or None: for nothing, words, nan, inf, and 1_000 or 1,5."""
    if not _PLAIN.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def check_decimals(column: str, cells: Iterable[str], where: str) -> None:
    """Pass if a column has no numbers with commas, or points between thousands, which would be taken for names.

    Raises:
        DataError: it has, and hardly anything else; which marks are meant may not be clear: 1,234 is 1.234 or 1234.
    """
    filled = [cell for cell in cells if cell]
    plain = [cell for cell in filled if number_in(cell) is not None]
    found = [cell for cell in filled if _MARKED.fullmatch(cell)]
    if found and len(found) + len(plain) > len(filled) / 2:
        message = f"column '{column}' holds numbers with {_marks(found)}"
    elif whole := _thousands(plain, filled):
        message = f"column '{column}' holds numbers with points that seem to stand between thousands: '{whole}'"
    else:
        return
    hint = "save the table with decimal points and nothing between thousands"
    raise DataError(message, where=where, allowed="decimal points", hint=hint)


def check_units(column: str, cells: Iterable[str], where: str) -> None:
    """Pass if a column does not hold numbers with one unit behind them, which would be taken for names.

    Raises:
        DataError: it does.
    """
    matches = [_WITH_UNIT.fullmatch(cell) for cell in cells if cell]
    units = {match["unit"] for match in matches if match}
    if matches and all(matches) and len(units) == 1:
        message = f"column '{column}' holds numbers with their unit: '{matches[0][0]}'" if matches[0] else ""
        hint = f"leave the unit out, or write it into the name of the column: {column} [{units.pop()}]"
        raise DataError(message, where=where, allowed="numbers", hint=hint)


def _marks(cells: Sequence[str]) -> str:
    """Return what the commas and points in numbers are, and the first that shows it."""
    commas = next((cell for cell in cells if "," in cell and not _THOUSANDS.fullmatch(cell)), "")
    between = next((cell for cell in cells if _THOUSANDS.fullmatch(cell) and (cell.count(",") > 1 or "." in cell)), "")
    points = next((cell for cell in cells if cell.count(".") > 1 or "." in cell.partition(",")[0]), "")
    if commas and between:
        return f"commas of two meanings: '{commas}' and '{between}'"
    if points and not between:
        return f"points between thousands: '{points}'"
    if commas:
        return f"decimal commas: '{commas}'"
    if between:
        return f"commas between thousands: '{between}'"
    return f"commas, decimal ones or between thousands: '{cells[0]}'"


def _thousands(plain: Sequence[str], filled: Sequence[str]) -> str:
    """Return a number with a point between thousands, as far as the column shows: 850, 1.100 and 12.250 do."""
    dotted = [cell for cell in plain if "." in cell]
    whole = [cell for cell in plain if cell.isdigit() and len(cell) <= 3]
    is_all = len(dotted) + len(whole) == len(filled) and all(map(_POINTED.fullmatch, dotted))
    return dotted[0] if len(dotted) > 1 and is_all and any(len(cell) == 3 for cell in whole) else ""


def side_in(value: object) -> int:
    """Return the side of an image in pixels that a file says; 0 where it says nothing of use."""
    number = number_in(value) if isinstance(value, str) else value
    return int(number) if isinstance(number, int | float) and 0 < number <= _LONGEST and number % 1 == 0 else 0
