"""An answer in words: what is written below a picture, and what a page says beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A text, and the code of the class it is about, for its colour.
Word = tuple[str, int | None]

# Likeliest classes that are named; parts of an answer of unknown form.
MAX_CLASSES, MAX_PARTS = 3, 8
# A class less likely is not worth a word beside the first.
MIN_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Words:
    """An answer in words. A page shows an answer that has neither title, bars nor rows as JSON.

    Attributes:
        lines: below a picture; nothing where what is drawn says it all.
        title: the answer in one line; "" where it has none.
        share: probability of the title.
        bars: (label, share) each, the largest first.
        caption: what the shares of the bars are.
        rows: (name, text) each.
    """

    lines: tuple[Word, ...] = ()
    title: str = ""
    share: float | None = None
    bars: tuple[tuple[str, float], ...] = ()
    caption: str = ""
    rows: tuple[tuple[str, str], ...] = ()


def ranked(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return labels and shares, the largest first."""
    return tuple(sorted(shares.items(), key=lambda item: -item[1]))


def with_share(name: str, share: Any) -> str:
    """Return a label with its share, where there is one: ``cat 60%``."""
    return f"{name} {share:.0%}" if isinstance(share, int | float) else str(name)


def code_of(name: Any, labels: Sequence[str]) -> int:
    """Return the code of a label; of one that is not the model's, the next free."""
    return list(labels).index(name) if name in labels else len(labels)
