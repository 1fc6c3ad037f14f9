"""timm's RandAugment notation, read here so that lint needs no torch; what it does is in data/randaugment.py."""

import re

from auto_train.errors import UsageError

PART = re.compile(r"(mstd|m|n|p)(\d+(?:\.\d+)?)|(inc)([01])")


def read_randaugment(text: str) -> dict[str, float]:
    """Return what a text such as ``rand-m9-mstd0.5-inc1`` says: m, mstd, n, p and inc, those it names.

    Raises:
        UsageError: for a part that is not understood.
    """
    head, *parts = text.split("-")
    matches = [PART.fullmatch(part) for part in parts]
    found = {m[1] or m[3]: float(m[2] or m[4]) for m in matches if m}
    is_known = head == "rand" and len(found) == len(parts) and found.get("n", 1.0).is_integer()
    if not is_known or found.get("m", 0) > 10 or found.get("p", 0) > 1:
        raise UsageError(
            f"cannot read RandAugment {text!r}",
            where="[training.scheme] aa",
            allowed="rand, then -mN (0..10), -mstdX, -nN, -pX (0..1), -inc1 in any order",
            hint="for example: aa = rand-m9-mstd0.5-inc1",
        )
    return found
