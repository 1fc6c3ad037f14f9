"""JPEG: the number of scans, the coefficients a progressive image keeps, and segments before the image."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from auto_train.data.bounded.base import OUTPUT_BYTES, BoundedFile, Limit, check_count
from auto_train.data.bounded.orientation import orientation_of
from auto_train.errors import ImageTooLargeError

# DALI's limit; cameras and mozjpeg write about ten.
MAX_SCANS = 500
MAX_SEGMENTS = 10_000
# Quantization and Huffman tables of one image are about a kilobyte.
MAX_TABLE_BYTES = 64_000
# More bytes between segments than this are cut away before Pillow passes over them one by one.
_USUAL_JUNK, _MAX_JUNK = 1_000, 1_000_000
# A visit of a block of 8 x 8 pixels in one scan takes about 80 ns even where nothing is stored for it, a byte of a
# refining scan 110 ns. A visit for every four pixels of the limit, with the bytes one for every two, is less than 3 s
# of 50 megapixels. A standard progressive photo needs a visit for every five at most.
_PIXELS_PER_VISIT, _PIXELS_PER_BYTE = 4, 2
_MIN_VISITS = 10_000_000
# Arithmetic coding takes time for what costs next to no bytes; lossless coding works on single pixels.
_ARITHMETIC_WEIGHT, _LOSSLESS_WEIGHT = 16, 4
# Of one block: 64 coefficients of 16 bits.
_BLOCK_BYTES = 128
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_TABLES = (0xC4, 0xCC, 0xDB)
_SOS, _EOI, _STANDALONE = 0xDA, 0xD9, frozenset({0x01, *range(0xD0, 0xD9)})
# Pillow's, by the number of components.
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_ADOBE, _COMMENT = 0xEE, 0xFE
_APP1, _EXIF, _XMP = 0xE1, b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What the start-of-frame segment says.

    Attributes:
        kind: its marker, 0xC0 to 0xCF.
        blocks: number of blocks by component.
    """

    kind: int
    width: int
    height: int
    blocks: dict[int, int]

    @property
    def weight(self) -> int:
        if self.kind >= 0xC9:
            return _ARITHMETIC_WEIGHT
        return _LOSSLESS_WEIGHT if self.kind & 3 == 3 else 1


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a JPEG with a bounded number of scans; see :func:`auto_train.data.bounded.bound_file`."""
    frame: _Frame | None = None
    segments: list[tuple[int, int, int]] = []
    at, size, tables, junk = 2, len(data), 0, 0
    while at + 4 <= size:
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0xFF, 0x00):
            found = _MARKER.search(data, at)
            if not found:
                break
            junk += found.start() - at
            at = found.start()
        elif marker in _STANDALONE:
            junk += 2
            at += 2
        elif marker in (_EOI, _SOS):
            if frame and marker == _SOS:
                limit.check_pixels(frame.width, frame.height)
                _check_scans(data, at, frame, limit)
            break
        else:
            end = at + 2 + (data[at + 2] << 8 | data[at + 3])
            if marker in _FRAMES:
                frame = frame or _frame_of(marker, data[at + 4 : end])
            elif marker in _TABLES:
                tables += end - at
                if tables > MAX_TABLE_BYTES:
                    check_count(tables, MAX_TABLE_BYTES, "bytes of tables")
            segments.append((marker, at, end))
            at = end
        if len(segments) > MAX_SEGMENTS or junk > len(segments) + _MAX_JUNK:
            check_count(MAX_SEGMENTS + 1, MAX_SEGMENTS, "segments before the image")
    has_orientation = any(marker == _APP1 for marker, _, _ in segments)
    texts = (_segment(data, segments, _EXIF), _segment(data, segments, _XMP)) if has_orientation else ()
    orientation = orientation_of(*texts) if texts else 1
    if junk > _USUAL_JUNK or any(_is_unused(marker) for marker, _, _ in segments):
        data = _without_unused(data, segments, at)
    if not frame:
        return BoundedFile(data, 8, orientation)
    return BoundedFile(data, 8, orientation, (frame.width, frame.height), _MODES.get(len(frame.blocks), ""))


def _without_unused(data: bytes, segments: list[tuple[int, int, int]], scans: int) -> bytes:
    """Return a JPEG without the segments that decoding does not need.

    Args:
        scans: where they begin.
    """
    kept = data[:2], *(data[start:end] for marker, start, end in segments if not _is_unused(marker)), data[scans:]
    return b"".join(kept)


def _frame_of(kind: int, body: bytes) -> _Frame | None:
    """Return what a start-of-frame segment says; None of a broken one."""
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        return None
    height, width = body[1] << 8 | body[2], body[3] << 8 | body[4]
    parts = [(body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, 6 + 3 * body[5], 3)]
    across, down = (max([part[side] for part in parts] or [1]) or 1 for side in (1, 2))
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    return _Frame(kind=kind, width=width, height=height, blocks={name: units * h * v for name, h, v in parts})


def _check_scans(data: bytes, at: int, frame: _Frame, limit: Limit) -> None:
    """Refuse a frame whose scans, from the first at ``at`` on, take too much time or memory."""
    total = sum(frame.blocks.values())
    is_buffered = frame.kind & 3 == 2 or data[at + 4 : at + 5] != bytes([len(frame.blocks)])
    out = (4 if len(frame.blocks) == 4 else OUTPUT_BYTES) * frame.width * frame.height
    hint = "save it smaller, or not progressive"
    limit.check_memory(out + is_buffered * _BLOCK_BYTES * total, hint=hint)
    coded = len(data) - at if is_buffered else 0
    most_bytes = max(limit.pixels // _PIXELS_PER_BYTE, _MIN_VISITS)
    if coded > most_bytes:
        what = f"has {coded:,} bytes in several scans"
        raise ImageTooLargeError(what, allowed=f"at most {most_bytes:,} bytes", hint=hint)
    most = min(max(limit.pixels // _PIXELS_PER_VISIT, _MIN_VISITS) // frame.weight, most_bytes - coded)
    # No scan is overlooked: in coded data, a byte 0xFF is followed by 0.
    scans = data.count(b"\xff\xda", at) if is_buffered else 1
    if scans <= MAX_SCANS and scans * total <= most:
        return
    visits = 0
    for scans, names in enumerate(_scans(data, at), 1):
        visits += sum(frame.blocks.get(name, 0) for name in names)
        if scans > MAX_SCANS or visits > most:
            size = f"{frame.width} x {frame.height} pixels"
            allowed = f"at most {MAX_SCANS} scans, of images of this size {max(most, 0) // max(total, 1)}"
            raise ImageTooLargeError(f"has {scans} scans or more of {size}", allowed=allowed, hint=hint)
        if not is_buffered:
            break


def _scans(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the components of each scan, up to the end of the image."""
    while at < len(data) and (found := _MARKER.search(data, at)):
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            return
        if marker in _STANDALONE:
            continue
        if marker == _SOS:
            count = data[at + 2] if at + 2 < len(data) else 0
            yield data[at + 3 : at + 3 + 2 * count : 2]
        at += int.from_bytes(data[at : at + 2], "big")


def _segment(data: bytes, segments: list[tuple[int, int, int]], name: bytes) -> bytes:
    """Return the first APP1 segment of this name, without the name."""
    for marker, start, end in segments:
        if marker == _APP1 and data.startswith(name, start + 4):
            return data[start + 4 + len(name) : end]
    return b""


def _is_unused(marker: int) -> bool:
    """Tell whether no pixel depends on a segment: APP1 to APP15 but Adobe's, and comments."""
    return (_APP1 <= marker <= 0xEF and marker != _ADOBE) or marker == _COMMENT
