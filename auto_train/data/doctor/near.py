"""Images that look alike: found by a 64-bit perceptual hash, then compared in their 16 x 16 grey pixels.

Found are copies that were saved anew, made smaller or larger, brighter or darker, or with a few pixels changed, and
neighbouring frames of a video; not turned, mirrored or strongly cut ones.
"""

from collections.abc import Callable, Iterator

import numpy as np

from auto_train.data.doctor.look import SIDE

# Bits of the hash that may differ. Of eight bands of eight bits at least one is equal where seven differ; where twelve
# do, in nine cases of ten.
_MAX_BITS, _BANDS = 12, 8
# Correlation of the grey pixels from which on two images count as alike.
MIN_CORRELATION = 0.97
# Deviation of the grey pixels, of 0 to 255, below which an image is too plain to be recognised.
MIN_CONTRAST = 3.0
# Where thousands share a band, an image is compared with this many whose other bits are closest, and so many on average
# in full for each band: time and memory stay bounded by the number of images, whatever they show.
_WINDOW, _COMPARED = 1000, 16
_BLOCK = 4096


def group_near(thumbs: np.ndarray) -> np.ndarray:
    """Return a number for each image, equal for images that look alike, also by way of others between them.

    Args:
        thumbs: (N, SIDE, SIDE) uint8.

    Returns:
        (N,) int64, -1 for images that look like no other.
    """
    telling = np.flatnonzero(contrasts(thumbs) >= MIN_CONTRAST)
    hashes = compute_hashes(thumbs[telling])
    parent = np.arange(len(telling))
    for band in range(_BANDS):
        _join_band(hashes, band, thumbs, telling, parent)
    groups = np.full(len(thumbs), -1)
    groups[telling] = np.where(np.bincount(parent, minlength=len(parent))[parent] > 1, parent, -1)
    return groups


def contrasts(thumbs: np.ndarray) -> np.ndarray:
    """Return the deviation of each thumb's grey pixels, (N,) float32, 0 to 127.5."""
    return _blockwise(thumbs, lambda block: block.std(axis=(1, 2)), np.float32)


def compute_hashes(thumbs: np.ndarray) -> np.ndarray:
    """Return (N,) uint64: for the 8 x 8 lowest frequencies, whether each is stronger than their median.

    Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1.
    """
    steps = (2 * np.arange(SIDE) + 1) * np.pi / (2 * SIDE)
    waves = np.cos(np.arange(8)[:, None] * steps).astype(np.float32)

    def hashed(block: np.ndarray) -> np.ndarray:
        strengths = (waves @ block @ waves.T).reshape(len(block), 64)
        strengths[:, 0] = 0  # the mean brightness says nothing
        bits = strengths > np.median(strengths, axis=1, keepdims=True)
        return np.packbits(bits, axis=1).view(np.uint64)[:, 0]

    return _blockwise(thumbs, hashed, np.uint64)


def _blockwise(thumbs: np.ndarray, function: Callable[[np.ndarray], np.ndarray], dtype: type) -> np.ndarray:
    found: np.ndarray = np.empty(len(thumbs), dtype)
    for start in range(0, len(thumbs), _BLOCK):
        block = thumbs[start : start + _BLOCK].astype(np.float32)
        found[start : start + _BLOCK] = function(block)
    return found


def _join_band(hashes: np.ndarray, band: int, thumbs: np.ndarray, rows: np.ndarray, parent: np.ndarray) -> None:
    """Join the images alike among those whose hashes agree in one band.

    Args:
        rows: of ``thumbs``, for each hash.
        parent: (N,) the lowest member of each hash's group; changed.
    """
    room = _COMPARED * len(hashes)
    for first, second in _close_pairs(hashes, band):
        is_open = parent[first] != parent[second]
        first, second = first[is_open], second[is_open]
        room -= len(first)
        is_alike = _are_alike(thumbs, rows[first], rows[second])
        _join(parent, first[is_alike], second[is_alike])
        if room < 0:
            return


def _close_pairs(hashes: np.ndarray, band: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions of hashes that agree in one band and differ in few bits in all."""
    turn, rest = np.uint64(8 * band), np.uint64(56)
    turned = (hashes << turn) | (hashes >> (np.uint64(64) - turn)) if band else hashes
    order = np.argsort(turned)
    turned = turned[order]
    for step in range(1, min(_WINDOW, len(turned))):
        bits = turned[step:] ^ turned[:-step]
        agrees = bits >> rest == 0
        if not agrees.any():
            return
        close = np.flatnonzero(agrees & (np.bitwise_count(bits) <= _MAX_BITS))
        if len(close):
            yield order[close], order[close + step]


def _are_alike(thumbs: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return for each pair of rows whether their grey pixels correlate, (N,) bool."""
    found = np.empty(len(first), bool)
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        one, other = (_centre(thumbs[rows[block]]) for rows in (first, second))
        scale = np.sqrt(np.square(one).sum(axis=1) * np.square(other).sum(axis=1))
        found[block] = (one * other).sum(axis=1) >= MIN_CORRELATION * scale
    return found


def _centre(thumbs: np.ndarray) -> np.ndarray:
    values = thumbs.reshape(len(thumbs), -1).astype(np.float32)
    return values - values.mean(axis=1, keepdims=True)


def _join(parent: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Give the groups of each pair one number, the lower one."""
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((_root(parent, one), _root(parent, other)))
        parent[high] = low
    while len(first) and (parent[parent] != parent).any():
        parent[:] = parent[parent]


def _root(parent: np.ndarray, member: int) -> int:
    while parent[member] != member:
        member = int(parent[member])
    return member
