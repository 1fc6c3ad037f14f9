"""BMP: whether the pixels are there, and run lengths, which Pillow unpacks in Python."""

import struct

from auto_train.data.bounded.base import OUTPUT_BYTES, BoundedFile, Limit
from auto_train.errors import ImageTooLargeError

_RUN_LENGTHS = (1, 2)
# Pillow takes about 0.1 us a pixel and 0.4 us a byte of run lengths.
_RUN_LENGTH_SHARE, _BYTE_WEIGHT = 3, 4
_MIN_RUN_LENGTHS = 1_000_000


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a BMP as it is; see :func:`auto_train.data.bounded.bound_file`."""
    if len(data) < 34:
        return BoundedFile(data)
    if data[14:18] == b"\x0c\0\0\0":
        (width, height, _, bits), packing = struct.unpack_from("<4H", data, 18), 0
    else:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    width, height = abs(width), abs(height)
    limit.check_pixels(width, height)
    stored = width * max(bits, 8) // 8
    limit.check_memory(((1 if bits <= 8 else 4) + OUTPUT_BYTES) * width * height + 2 * stored, rows=height)
    cost = width * height + _BYTE_WEIGHT * len(data)
    most = max(limit.pixels // _RUN_LENGTH_SHARE, _MIN_RUN_LENGTHS)
    if packing in _RUN_LENGTHS and cost > most:
        raise ImageTooLargeError(
            f"is a run-length coded BMP of {width} x {height} pixels and {len(data):,} bytes",
            allowed=f"at most {most:,} pixels, each byte counted as {_BYTE_WEIGHT}",
            hint="save it as PNG",
        )
    return BoundedFile(data)
