"""PNG: the number of chunks; text, profiles and the frames of animations are cut away."""

import struct
import zlib

from auto_train.data.bounded.base import OUTPUT_BYTES, Bounded, Limit, check_count

MAX_CHUNKS = 100_000
# More chunks of pixels than this are joined before Pillow goes through them.
_USUAL_CHUNKS = 1_000
_SIGNATURE_BYTES = 8
_PIXELS = (b"PLTE", b"tRNS", b"eXIf")
_USUAL = frozenset({b"IHDR", *_PIXELS, b"IEND", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"tIME"})
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# Those that may say how an image is turned, and how many bytes of them are read.
_TURNING, _MOST_TEXT = (b"Raw profile type exif", b"XML:com.adobe.xmp"), 900_000
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def bound(data: bytes, limit: Limit) -> Bounded:
    """Return a PNG of the chunks its first image needs; see :func:`auto_train.data.bounded.bound_file`."""
    header = data[16:29]
    if data[12:16] != b"IHDR" or len(header) < 13:
        return Bounded(data)
    bits = _check_header(header, limit)
    at, size, chunks, names = _SIGNATURE_BYTES, len(data), 0, set()
    pixels: list[tuple[int, int]] = []
    kept: dict[bytes, tuple[int, int]] = {}
    is_usual = True
    while at + 12 <= size:
        length, name = struct.unpack_from(">I4s", data, at)
        end = min(at + 12 + length, size)
        if name == b"IDAT":
            pixels.append((at + 8, min(at + 8 + length, size)))
        elif name in _USUAL and name not in names:
            names.add(name)
            if name in _PIXELS:
                kept[name] = (at, end)
        else:
            is_usual = False
            if name in _TEXTS and _is_turning(data[at + 8 : min(end - 4, at + 8 + _MOST_TEXT)], name):
                kept.setdefault(data[at + 8 : data.find(b"\0", at + 8)], (at, end))
        chunks += 1
        if chunks > MAX_CHUNKS:
            check_count(chunks, MAX_CHUNKS, "chunks")
        at = end
        if name == b"IEND":
            break
    if is_usual and len(pixels) <= _USUAL_CHUNKS:
        return Bounded(data, bits)
    return Bounded(_joined(data, kept, pixels), bits)


def _check_header(header: bytes, limit: Limit) -> int:
    """Refuse an image that is too large by its header, and return the bits of one sample."""
    width, height, bits, kind = struct.unpack_from(">IIBB", header)
    limit.check_pixels(width, height)
    is_grey = kind in (0, 3)
    pixel_bytes = (2 if bits == 16 else 1) if is_grey else 4
    row = width * _SAMPLES.get(kind, 4) * bits // 8
    # Two rows as they are stored, one as it is unpacked.
    limit.check_memory((pixel_bytes + OUTPUT_BYTES) * width * height + 3 * row)
    return 16 if bits == 16 else 8


def _is_turning(body: bytes, name: bytes) -> bool:
    """Tell whether a chunk of text may say how the image is turned, and Pillow can read it."""
    key, _, text = body.partition(b"\0")
    if key not in _TURNING:
        return False
    at = 1 if name == b"zTXt" else text.find(b"\0", text.find(b"\0", 2) + 1) + 1
    if name == b"tEXt" or (name == b"iTXt" and text[:1] == b"\0"):
        return True
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(text[at:], _MOST_TEXT)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail


def _joined(data: bytes, kept: dict[bytes, tuple[int, int]], pixels: list[tuple[int, int]]) -> bytes:
    """Return a PNG of a header, some chunks as they are, and the pixels in one chunk.

    A file that ends too early keeps its end: its decoder notices.
    """
    body = b"".join([data[start:end] for start, end in pixels])
    is_whole = data.endswith(b"IEND\xaeB`\x82") or b"IEND" in data[pixels[-1][1] :] if pixels else False
    head = b"".join([data[: _SIGNATURE_BYTES + 25], *(data[start:end] for start, end in kept.values())])
    idat = struct.pack(">I4s", len(body), b"IDAT") + body
    tail = struct.pack(">I", zlib.crc32(body, zlib.crc32(b"IDAT"))) + b"\0\0\0\0IEND\xaeB`\x82"
    return head + (idat if pixels else b"") + (tail if is_whole or pixels else b"")
