"""Numbers in text, as tables and annotation files hold them."""

import math
import re
import sys

# What a number in a file may be; whole numbers in JSON have no end.
LARGEST = sys.float_info.max
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def number_in(text: str) -> float | None:
    """Return the finite number a text is, or None: for nothing, words, nan, inf, and 1_000 or 1,5."""
    if not _PLAIN.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
