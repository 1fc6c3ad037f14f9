"""PNG: the number of chunks; text, profiles and the frames of animations are cut away."""

import struct
import zlib

from auto_train.data.bounded.base import OUTPUT_BYTES, BoundedFile, Limit, check_count
from auto_train.data.bounded.orientation import hex_profile, orientation_of

MAX_CHUNKS = 100_000
# More chunks of pixels than this are joined before Pillow goes through them.
_USUAL_CHUNKS = 1_000
_SIGNATURE_BYTES = 8
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IEND")
_END = b"\0\0\0\0IEND\xaeB`\x82"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# Those that may say how an image is turned, and how many bytes of them are read.
_PROFILE, _XMP, _MAX_TEXT = b"Raw profile type exif", b"XML:com.adobe.xmp", 1_000_000
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a PNG of the chunks its first image needs; see :func:`auto_train.data.bounded.bound_file`."""
    header = data[16:29]
    if data[12:16] != b"IHDR" or len(header) < 13:
        return BoundedFile(data)
    bits = _check_header(header, limit)
    at, size, chunks = _SIGNATURE_BYTES, len(data), 0
    pixels: list[tuple[int, int]] = []
    kept: dict[bytes, tuple[int, int]] = {}
    texts: dict[bytes, bytes] = {}
    while at + 12 <= size:
        length, name = struct.unpack_from(">I4s", data, at)
        end = min(at + 12 + length, size)
        if name == b"IDAT":
            pixels.append((at + 8, min(at + 8 + length, size)))
        elif name in _KEPT:
            kept.setdefault(name, (at, end))
        elif name in _TEXTS:
            _note_text(data[at + 8 : min(end - 4, at + 8 + _MAX_TEXT)], name, texts)
        elif name == b"eXIf":
            texts.setdefault(name, data[at + 8 : end - 4])
        chunks += 1
        if chunks > MAX_CHUNKS:
            check_count(chunks, MAX_CHUNKS, "chunks")
        at = end
        if name == b"IEND":
            break
    exif = texts.get(b"eXIf") or hex_profile(texts.get(_PROFILE, b""))
    orientation = orientation_of(exif, texts.get(_XMP, b""))
    if chunks == len(kept) + len(pixels) and len(pixels) <= _USUAL_CHUNKS:
        return BoundedFile(data, bits, orientation)
    return BoundedFile(_join_chunks(data, kept, pixels, is_whole=b"IEND" in kept), bits, orientation)


def _check_header(header: bytes, limit: Limit) -> int:
    """Refuse an image that is too large by its header, and return the bits of one sample."""
    width, height, bits, kind = struct.unpack_from(">IIBB", header)
    limit.check_pixels(width, height)
    is_grey = kind in (0, 3)
    pixel_bytes = (2 if bits == 16 else 1) if is_grey else 4
    row = width * _SAMPLES.get(kind, 4) * bits // 8
    # Two rows as they are stored, one as it is unpacked.
    limit.check_memory((pixel_bytes + OUTPUT_BYTES) * width * height + 3 * row, rows=height)
    return 16 if bits == 16 else 8


def _note_text(body: bytes, name: bytes, texts: dict[bytes, bytes]) -> None:
    """Note a text that may say how the image is turned; of a compressed one no more than its beginning."""
    key, _, text = body.partition(b"\0")
    if key not in (_PROFILE, _XMP) or key in texts:
        return
    is_packed = name == b"zTXt" or (name == b"iTXt" and text[:1] == b"\1")
    if name == b"zTXt":
        text = text[1:]
    elif name == b"iTXt":
        text = text[2:].split(b"\0", 2)[-1]  # behind language and translated key
    try:
        texts[key] = zlib.decompressobj().decompress(text, _MAX_TEXT) if is_packed else text
    except zlib.error:
        return


def _join_chunks(
    data: bytes, kept: dict[bytes, tuple[int, int]], pixels: list[tuple[int, int]], *, is_whole: bool
) -> bytes:
    """Return a PNG of a header, what its pixels need, and the pixels in one chunk; a cut one stays cut."""
    body = b"".join([data[start:end] for start, end in pixels])
    parts = [data[:_SIGNATURE_BYTES], *(data[start:end] for name, (start, end) in kept.items() if name != b"IEND")]
    if pixels:
        parts += [struct.pack(">I4s", len(body), b"IDAT"), body]
        parts += [struct.pack(">I", zlib.crc32(body, zlib.crc32(b"IDAT")))]
    return b"".join([*parts, _END if is_whole else b""])
