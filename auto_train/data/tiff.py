"""What a TIFF says of its bands, for messages: Pillow alone says no more than that it cannot identify the file."""

import struct

# BitsPerSample, SamplesPerPixel, and the types a number in an entry may have, with the letter of struct and its bytes.
_BITS, _BANDS = 258, 277
_TYPES = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4)}
# Entries of a directory and values of an entry that are read.
_MAX_ENTRIES = 512


def find_unusual_bands(data: bytes) -> str:
    """Return "a TIFF of 5 bands of 16 bits"; "" for grey and RGB, and for what is not a TIFF or cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return ""
    try:
        found = _entries(data, order)
    except struct.error:
        return ""
    bands = found.get(_BANDS, (1,))[0]
    bits = sorted(set(found.get(_BITS, (1,))))
    if bands in (1, 3) and bits[-1] <= (32 if bands == 1 else 16):
        return ""
    return f"a TIFF of {bands} band{'s' if bands > 1 else ''} of {' and '.join(map(str, bits))} bits"


def _entries(data: bytes, order: str) -> dict[int, tuple[int, ...]]:
    """Return the two tags of the first directory.

    Source: TIFF 6.0, section 2.
    """
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    found = {}
    for number in range(min(count, _MAX_ENTRIES)):
        at = start + 2 + 12 * number
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, at)
        if tag in (_BITS, _BANDS) and kind in _TYPES and 0 < values <= _MAX_ENTRIES:
            letter, size = _TYPES[kind]
            place = at + 8 if values * size <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
            found[tag] = struct.unpack_from(f"{order}{values}{letter}", data, place)
    return found
