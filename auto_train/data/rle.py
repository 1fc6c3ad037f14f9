"""Run lengths of masks as COCO has them: column by column, background first; as numbers or as their short text."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BITS, _MORE, _SIGN, _FIRST = 0x1F, 0x20, 0x10, 48


def decode_rle(counts: str | Sequence[int], height: int, width: int) -> "np.ndarray":
    """Return the (H, W) bool mask of run lengths.

    Args:
        counts: numbers of pixels, or their short text.

    Raises:
        ValueError: it is no such text, or its lengths are not those of all pixels.
    """
    import numpy as np

    try:
        runs = np.array(list(_numbers(counts)) if isinstance(counts, str) else counts, dtype=np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"run lengths that are no numbers: {error}") from error
    if runs.ndim != 1 or not (runs >= 0).all() or (runs % 1).any():
        raise ValueError("run lengths that are no whole numbers from 0 on")
    if runs.sum() != height * width:
        raise ValueError(f"run lengths of {runs.sum():.0f} pixels, the image has {height * width}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs.astype(np.int64))
    return flat.reshape(width, height).T


def encode_rle(mask: "np.ndarray") -> list[int]:
    """Return the run lengths of an (H, W) bool mask."""
    import numpy as np

    flat = np.asarray(mask, bool).T.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(ends, prepend=0, append=len(flat)).tolist()
    return [0, *runs] if len(flat) and flat[0] else runs


def rle_text(counts: Sequence[int]) -> str:
    """Return run lengths as text: six bits a letter, from the third on as the difference to the length two before.

    Source: rleToString of COCO's maskApi.c.
    """
    letters = []
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits = value & _BITS
            value >>= 5
            is_last = value == (-1 if bits & _SIGN else 0)
            letters.append(chr((bits if is_last else bits | _MORE) + _FIRST))
            if is_last:
                break
    return "".join(letters)


def _numbers(text: str) -> Iterator[int]:
    """Yield the run lengths of a text; the inverse of :func:`rle_text`."""
    before: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - _FIRST
        if not 0 <= bits < 64:
            raise ValueError(f"'{letter}' is no letter of run lengths")
        value |= (bits & _BITS) << shift
        shift += 5
        if bits & _MORE:
            continue
        if bits & _SIGN:
            value -= 1 << shift
        before.append(value + before[-2] if len(before) > 2 else value)
        yield before[-1]
        value = shift = 0
    if shift:
        raise ValueError("the text of run lengths ends within a number")
