"""GIF: comments and extensions before the first image are cut away, further images too."""

from auto_train.data.bounded.base import OUTPUT_BYTES, BoundedFile, Limit, check_count

MAX_BLOCKS = 100_000
_HEADER_BYTES = 13
# More than this are cut away.
_USUAL_BLOCKS = 8
_EXTENSION, _IMAGE, _TRAILER, _CONTROL = 0x21, 0x2C, 0x3B, 0xF9


def bound(data: bytes, limit: Limit) -> BoundedFile:
    """Return a GIF of its first image; see :func:`auto_train.data.bounded.bound_file`."""
    if len(data) < _HEADER_BYTES:
        return BoundedFile(data)
    start = at = _HEADER_BYTES + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    control, blocks = b"", 0
    while at + 1 < len(data) and data[at] not in (_IMAGE, _TRAILER):
        end, count = at + 1, 1  # decoders pass over a byte they do not know
        if data[at] == _EXTENSION:
            end, count = _end_of_blocks(data, at + 2, MAX_BLOCKS - blocks)
            if data[at + 1] == _CONTROL:
                control = data[at:end]
        at, blocks = end, blocks + count
        check_count(blocks, MAX_BLOCKS, "blocks before its image")
    if at + 10 > len(data) or data[at] != _IMAGE:
        return BoundedFile(data[:start])  # as empty as it is to a decoder
    left, top, width, height = (data[at + i] | data[at + i + 1] << 8 for i in (1, 3, 5, 7))
    across, down = (max(data[i] | data[i + 1] << 8, low) for i, low in ((6, left + width), (8, top + height)))
    limit.check_pixels(across, down)
    limit.check_memory((1 + OUTPUT_BYTES) * across * down, rows=down)
    if blocks <= _USUAL_BLOCKS:
        return BoundedFile(data)
    return BoundedFile(data[:start] + control + data[at:])


def _end_of_blocks(data: bytes, at: int, most: int) -> tuple[int, int]:
    """Return where a chain of blocks ends, and of how many it is; more than ``most`` are not counted."""
    count = 1
    while at < len(data) and data[at] and count <= most:
        at += 1 + data[at]
        count += 1
    return at + 1, count
