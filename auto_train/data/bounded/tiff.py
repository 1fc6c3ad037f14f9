"""TIFF: tiles, strips and their bytes; only the tags that tell the pixels of the first image are handed on.

Pillow and libtiff read the same new directory, behind the file's own bytes: no second image, no EXIF directory, no tag
twice. The orientation is read here and applied by :mod:`auto_train.data.rgb`, which takes less memory.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from auto_train.data.bounded.base import OUTPUT_BYTES, BoundedFile, Limit, check_count
from auto_train.data.bounded.orientation import orientation_of
from auto_train.errors import ImageError, ImageTooLargeError

MAX_TAGS = 4_096
# Tiles or strips of one image.
MAX_PARTS = 65_536
# The bytes of all parts, as a multiple of the file's: a few equal tiles may share theirs.
_MAX_SHARING = 4
# A part of JPEG is baseline: one scan, or one for each component.
_MAX_SCANS = 4
# Images smaller than a tile are padded to one.
_MIN_PADDED = 4_000_000
_MAX_VALUE_BYTES = 1_000_000

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 256, 257, 258, 259, 262, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_ORIENTATION, _XMP = 274, 700
_PIXEL_TAGS = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR}
    | {_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES}
    # fill order, T4 and T6 options, predictor, colour map, inks, extra samples, sample format, JPEG's tables
    | {266, 292, 293, 317, 320, 332, 338, 339, 347}
    # old-style JPEG
    | {512, 513, 514, 515, 517, 518, 519, 520, 521}
    # YCbCr: coefficients, subsampling, positioning; reference black and white
    | {529, 530, 531, 532}
)
_RAW, _OLD_JPEG, _JPEG = 1, 6, 7
_YCBCR = 6
# Bytes of a value by its type. Source: TIFF 6.0, section 2; BigTIFF adds 16 to 18.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}


class _Tag(NamedTuple):
    """A tag's value as it is stored: of how many values of a type."""

    type: int
    values: int
    value: bytes

    def take(self, count: int) -> "_Tag":
        return _Tag(self.type, min(self.values, count), self.value[: count * _TYPE_BYTES[self.type]])


class _Form(NamedTuple):
    """Byte order and width of a directory's numbers."""

    order: str
    is_big: bool

    @property
    def entry(self) -> str:
        return f"{self.order}HHQ8s" if self.is_big else f"{self.order}HHI4s"

    @property
    def number(self) -> str:
        return f"{self.order}{'Q' if self.is_big else 'I'}"

    @property
    def total(self) -> str:
        return f"{self.order}{'Q' if self.is_big else 'H'}"


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How the pixels lie in the file.

    Attributes:
        part_width, part_height: of a tile or strip, pixels.
        parts: how many tiles or strips there are.
        bits: of one sample.
        samples: of one pixel, in one part.
        is_planar: each sample is in parts of its own.
    """

    width: int
    height: int
    part_width: int
    part_height: int
    parts: int
    bits: int
    samples: int
    is_planar: bool

    @property
    def part_bytes(self) -> int:
        """Of one part, decoded."""
        return self.part_height * -(-self.part_width * self.bits * self.samples // 8)


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a TIFF of one directory; see :func:`auto_train.data.bounded.bound_file`."""
    form = _Form("<" if data[:1] == b"I" else ">", 43 in data[2:4])
    try:
        tags = _read_tags(data, form)
    except struct.error as error:
        raise ImageError("is damaged: its directory of tags is not there") from error
    orientation = _orientation(tags, form)
    kept = {tag: found for tag, found in tags.items() if tag in _PIXEL_TAGS}
    _choose_parts(kept)
    layout = _layout(kept, form)
    _check_size(layout, kept, form, limit, file_bytes=len(data))
    for tag in (_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES):
        if tag in kept:
            kept[tag] = kept[tag].take(layout.parts)
    _check_bytes(data, layout, kept, form)
    return BoundedFile(_with_directory(data, kept, form), 16 if layout.bits == 16 else 8, orientation)


def _read_tags(data: bytes, form: _Form) -> dict[int, _Tag]:
    """Return the tags of the first directory; of equal ones the first."""
    (at,) = struct.unpack_from(form.number, data, 8 if form.is_big else 4)
    if at >= len(data):
        raise ImageError("is damaged: it ends before its directory of tags; not enough bytes")
    (total,) = struct.unpack_from(form.total, data, at)
    check_count(total, MAX_TAGS, "tags")
    at += struct.calcsize(form.total)
    tags: dict[int, _Tag] = {}
    for start in range(at, at + total * struct.calcsize(form.entry), struct.calcsize(form.entry)):
        tag, type, count, inline = struct.unpack_from(form.entry, data, start)
        if tag in tags or type not in _TYPE_BYTES or tag not in (*_PIXEL_TAGS, _ORIENTATION, _XMP):
            continue
        size = count * _TYPE_BYTES[type]
        if size > _MAX_VALUE_BYTES:
            if tag == _XMP:
                continue
            raise ImageTooLargeError(f"has {count:,} values in tag {tag}", allowed=f"{_MAX_VALUE_BYTES:,} bytes")
        (place,) = struct.unpack(form.number, inline)
        value = inline[:size] if size <= len(inline) else data[place : place + size]
        if len(value) < size:
            if tag == _XMP:
                continue
            raise ImageError(f"is damaged: tag {tag} is truncated")
        tags[tag] = _Tag(type, count, value)
    return tags


def _orientation(tags: Mapping[int, _Tag], form: _Form) -> int:
    if (found := _number(tags, _ORIENTATION, form, 0)) in range(1, 9):
        return found
    return orientation_of(b"", tags[_XMP].value) if _XMP in tags and _ORIENTATION not in tags else 1


def _choose_parts(tags: dict[int, _Tag]) -> None:
    """Leave tiles or strips, not both; tiles may have their offsets under the name of strips."""
    if _TILE_WIDTH in tags and _TILE_HEIGHT in tags:
        for tile, strip in ((_TILE_OFFSETS, _STRIP_OFFSETS), (_TILE_BYTES, _STRIP_BYTES)):
            other = tags.pop(strip, None)
            if other and tile not in tags:
                tags[tile] = other
        tags.pop(_ROWS_PER_STRIP, None)
    else:
        for tag in (_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES):
            tags.pop(tag, None)


def _layout(tags: Mapping[int, _Tag], form: _Form) -> _Layout:
    """Return how the pixels lie.

    Raises:
        ImageError: without a size.
    """
    width, height = _number(tags, _WIDTH, form, 0), _number(tags, _HEIGHT, form, 0)
    if not width or not height:
        raise ImageError("is damaged: it has no width or no height")
    if _TILE_WIDTH in tags:
        part_width, part_height = _number(tags, _TILE_WIDTH, form, 0), _number(tags, _TILE_HEIGHT, form, 0)
        if not part_width or not part_height:
            raise ImageError("is damaged: its tiles have no width or no height")
    else:
        part_width, part_height = width, min(_number(tags, _ROWS_PER_STRIP, form, height) or height, height)
    samples = _number(tags, _SAMPLES, form, 3 if _number(tags, _COMPRESSION, form, 1) in (_OLD_JPEG, _JPEG) else 1)
    is_planar = _number(tags, _PLANAR, form, 1) == 2
    parts = -(-width // part_width) * -(-height // part_height) * (samples if is_planar else 1)
    return _Layout(
        width=width,
        height=height,
        part_width=part_width,
        part_height=part_height,
        parts=parts,
        bits=max(_numbers(tags, _BITS, form) or [1]),
        samples=1 if is_planar else samples,
        is_planar=is_planar,
    )


def _check_size(layout: _Layout, tags: Mapping[int, _Tag], form: _Form, limit: Limit, *, file_bytes: int) -> None:
    """Refuse what takes too many pixels, parts or bytes, the copy of the file with its new directory among them."""
    limit.check_pixels(layout.width, layout.height)
    planes = _number(tags, _SAMPLES, form, 1) if layout.is_planar else 1
    padded = layout.part_width * layout.part_height * layout.parts // max(planes, 1)
    if padded > max(limit.pixels, _MIN_PADDED):
        size = f"{layout.part_width} x {layout.part_height}"
        raise ImageTooLargeError(
            f"has {layout.width} x {layout.height} pixels in tiles of {size}",
            allowed=f"at most {limit.pixels:,} pixels in all tiles",
        )
    check_count(layout.parts, MAX_PARTS, "tiles or strips")
    pixels = layout.width * layout.height
    is_colour = _number(tags, _PHOTOMETRIC, form, 0) in (2, 5, 6, 8) or layout.samples * planes > 1
    pixel_bytes = 4 if is_colour else max(1, layout.bits // 8)
    decoder = layout.part_bytes
    if _number(tags, _PHOTOMETRIC, form, 0) == _YCBCR:
        decoder += 4 * layout.part_width * layout.part_height
    if _number(tags, _COMPRESSION, form, 1) == _RAW:
        decoder = 2 * -(-layout.width * layout.bits * layout.samples // 8)
    required = max(pixel_bytes * pixels + decoder, (pixel_bytes + OUTPUT_BYTES) * pixels)
    limit.check_memory(required + file_bytes, rows=layout.height)
    # Not at one time, but one after another: what has to be decoded at all.
    limit.check_memory(layout.part_bytes * layout.parts)


def _check_bytes(data: bytes, layout: _Layout, tags: Mapping[int, _Tag], form: _Form) -> None:
    """Refuse parts that share their bytes, over and over, and parts of JPEG with many scans."""
    compression = _number(tags, _COMPRESSION, form, 1)
    if compression == _RAW:
        return
    sizes = _numbers(tags, _TILE_BYTES, form) or _numbers(tags, _STRIP_BYTES, form) or [len(data)] * layout.parts
    if sum(min(size, len(data)) for size in sizes) > _MAX_SHARING * len(data):
        raise ImageTooLargeError(
            f"has {layout.parts:,} tiles or strips that share their bytes",
            allowed=f"at most {_MAX_SHARING * len(data):,} bytes in all of them",
            hint="save it again in an image editor",
        )
    offsets = _numbers(tags, _TILE_OFFSETS, form) or _numbers(tags, _STRIP_OFFSETS, form)
    if compression == _JPEG:
        for at, size in zip(offsets, sizes, strict=False):
            check_count(data.count(b"\xff\xda", at, at + size), _MAX_SCANS, "scans in one tile or strip")
    if compression == _OLD_JPEG:
        check_count(data.count(b"\xff\xda"), _MAX_SCANS * (layout.parts + 1), "scans")


def _numbers(tags: Mapping[int, _Tag], tag: int, form: _Form) -> list[int]:
    found = tags.get(tag)
    if not found or found.type not in _INTEGERS:
        return []
    return list(struct.unpack(f"{form.order}{found.values}{_INTEGERS[found.type]}", found.value))


def _number(tags: Mapping[int, _Tag], tag: int, form: _Form, default: int) -> int:
    found = _numbers(tags, tag, form)
    return found[0] if found else default


def _with_directory(data: bytes, tags: Mapping[int, _Tag], form: _Form) -> bytes:
    """Return the file with a new directory of these tags behind it, its only one."""
    start = len(data) + len(data) % 2
    inline = 8 if form.is_big else 4
    entry, total, number = (struct.calcsize(part) for part in (form.entry, form.total, form.number))
    place = start + total + entry * len(tags) + number
    entries, values = [], []
    for tag, found in sorted(tags.items()):
        value = found.value
        if len(value) > inline:
            padded = value + bytes(len(value) % 2)
            values.append(padded)
            value = struct.pack(form.number, place)
            place += len(padded)
        entries.append(struct.pack(form.entry, tag, found.type, found.values, value.ljust(inline, b"\0")))
    directory = [struct.pack(form.total, len(tags)), *entries, struct.pack(form.number, 0), *values]
    head = data[: 8 if form.is_big else 4] + struct.pack(form.number, start)
    return b"".join([head, data[len(head) :], bytes(start - len(data)), *directory])
