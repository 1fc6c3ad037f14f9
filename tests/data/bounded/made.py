"""Files that say one thing in their headers and cost another, built byte by byte."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def before_pixels(png: bytes, more: bytes) -> bytes:
    """Return a PNG with more chunks before its first chunk of pixels."""
    at = png.index(b"IDAT") - 4
    return png[:at] + more + png[at:]


def png16(values: np.ndarray) -> bytes:
    """Return a PNG of 16 bits: (H, W) is grey, (H, W, 3) is RGB, (H, W, 4) is RGBA."""
    height, width = values.shape[:2]
    kind = {2: 0, 3: {3: 2, 4: 6}.get(values.shape[-1], 0)}[values.ndim]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(
    width: int,
    height: int,
    parts: Sequence[bytes],
    *,
    tags: Sequence[tuple[int, int, Sequence[int]]] = (),
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
    samples: int = 1,
    bits: int = 8,
    compression: int = 8,
    offsets: Sequence[int] | None = None,
    counts: Sequence[int] | None = None,
) -> bytes:
    """Return a little-endian TIFF.

    Args:
        parts: the bytes of its tiles or strips.
        tags: more of them: number, type (3: 16 bits, 4: 32 bits) and values.
        tile: width and height; None: strips of so many ``rows``.
        offsets, counts: in place of those of the parts.
    """
    places, at = [], 8
    for part in parts:
        places.append(at)
        at += len(part)
    where, sizes = offsets or places, counts or [len(part) for part in parts]
    listed: list[tuple[int, int, Sequence[int]]] = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * samples),
        (259, 3, [compression]),
        (262, 3, [2 if samples == 3 else 1]),
        (277, 3, [samples]),
        *tags,
    ]
    if tile:
        listed += [(322, 4, [tile[0]]), (323, 4, [tile[1]]), (324, 4, where), (325, 4, sizes)]
    else:
        listed += [(273, 4, where), (278, 4, [rows or height]), (279, 4, sizes)]
    start = at + at % 2
    place = start + 2 + 12 * len(listed) + 4
    entries, values = b"", b""
    for tag, kind, numbers in sorted(listed):
        raw = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        inline = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", place + len(values))
        values += raw if len(raw) > 4 else b""
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + inline
    body = b"".join(parts).ljust(start - 8, b"\0")
    return b"II*\0" + struct.pack("<I", start) + body + struct.pack("<H", len(listed)) + entries + bytes(4) + values


def with_scans(jpeg: bytes, more: int) -> bytes:
    """Return a progressive JPEG whose last scan is there so many times more."""
    at, scans = 2, []
    while jpeg[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == 0xDA:
            while not (jpeg[end] == 0xFF and jpeg[end + 1] != 0 and not 0xD0 <= jpeg[end + 1] <= 0xD7):
                end += 1
            scans.append(jpeg[at:end])
        at = end
    return jpeg[:-2] + scans[-1] * more + jpeg[-2:]


def run_lengths_bmp(width: int, height: int, body: bytes) -> bytes:
    """Return a BMP of 8-bit run lengths."""
    start = 54 + 1024
    header = struct.pack("<IHHI", start + len(body), 0, 0, start)
    return (
        b"BM"
        + header
        + struct.pack("<IiiHHIIIIII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
        + bytes(1024)
        + body
    )
