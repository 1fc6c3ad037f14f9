"""Numbers in text, as tables and annotation files hold them."""

import math
import re
import sys

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


def side_in(value: object) -> int:
    """Return the side of an image in pixels that a file says; 0 where it says nothing of use."""
    number = number_in(value) if isinstance(value, str) else value
    return int(number) if isinstance(number, int | float) and 0 < number <= _LONGEST and number % 1 == 0 else 0
