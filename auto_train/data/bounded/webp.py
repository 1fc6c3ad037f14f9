"""WebP: the size of the canvas; frames after the first and colour profiles are cut away."""

import struct

from auto_train.data.bounded.base import BoundedFile, Limit, check_count
from auto_train.data.bounded.orientation import orientation_of

MAX_CHUNKS = 100_000
# Pillow's decoder is the one for animations: two canvases, a copy and Pillow's own image, of four bytes each,
# and tables.
BYTES_PER_PIXEL = 17
_HINT = "save it as JPEG or PNG, whose decoders take less"
_KEPT = (b"VP8X", b"ANIM", b"ALPH", b"VP8 ", b"VP8L")
_TEXTS = (b"EXIF", b"XMP ")
_FRAME = b"ANMF"


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a WebP of its first frame; see :func:`auto_train.data.bounded.bound_file`."""
    if width_height := _canvas(data):
        limit.check_pixels(*width_height)
        limit.check_memory(BYTES_PER_PIXEL * width_height[0] * width_height[1], hint=_HINT)
    at, count, frames, kept = 12, 0, 0, []
    texts: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + (length & 1)
        frames += name == _FRAME
        if name in _KEPT or (name == _FRAME and frames == 1):
            kept.append(data[at:end])
        elif name in _TEXTS:
            texts.setdefault(name, data[at + 8 : end])
        at = end
        count += 1
        check_count(count, MAX_CHUNKS, "chunks")
    orientation = orientation_of(texts.get(b"EXIF", b""), texts.get(b"XMP ", b""))
    if len(kept) == count or not kept or at > len(data):
        return BoundedFile(data, orientation=orientation)
    body = b"".join(kept)
    return BoundedFile(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, orientation=orientation)


def _canvas(data: bytes) -> tuple[int, int] | None:
    """Return width and height of the whole picture. Source: RFC 9649, sections 2.5 to 2.7 and 3.4."""
    kind = data[12:16]
    if len(data) < 30:
        return None
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 ":
        return (data[26] | data[27] << 8) & 0x3FFF, (data[28] | data[29] << 8) & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
