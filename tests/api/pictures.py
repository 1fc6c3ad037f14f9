"""Bytes that clients send."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def picture(
    colour: tuple[int, int, int] = (250, 10, 10), *, size: tuple[int, int] = (20, 30), format: str = "PNG"
) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, format)
    return file.getvalue()


def noise(side: int) -> bytes:
    """Return a PNG that does not compress: 3 x side² bytes."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def bomb(side: int = 30_000) -> bytes:
    """Return a small PNG whose header announces side² pixels of zeros."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compressobj(9)
    pixels = b"".join(rows.compress(bytes(1 + 3 * side)) for _ in range(200)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
