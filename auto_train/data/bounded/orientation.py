"""The orientation in EXIF and XMP, and nothing else: a decoder would read every tag and warn of each broken one."""

import re
import struct
from collections.abc import Mapping

_TAG = 0x0112
_TYPES = {1: "B", 3: "H", 4: "I"}
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def orientation_of(exif: bytes, xmp: bytes = b"") -> int:
    """Return 1 to 8: EXIF's, else that of XMP, else 1; what is broken in them does not make an image unreadable."""
    if found := _of_exif(exif.removeprefix(b"Exif\0\0")):
        return found
    match = _XMP.search(xmp)
    return int(match[1]) if match else 1


def orientation_in(info: Mapping[str | tuple[int, int], object]) -> int:
    """Return the same of what Pillow tells of an image."""
    exif, xmp = info.get("exif"), info.get("XML:com.adobe.xmp") or info.get("xmp")
    if exif is None:
        exif = hex_profile(str(info.get("Raw profile type exif", "")).encode("latin-1", "replace"))
    text = xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp
    return orientation_of(exif if isinstance(exif, bytes) else b"", text if isinstance(text, bytes) else b"")


def hex_profile(text: bytes) -> bytes:
    """Return the bytes of a profile as ImageMagick writes them into text: name, length and hexadecimal lines."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _of_exif(exif: bytes) -> int:
    """Return the orientation in the first directory; 0 for none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 0
    (at,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, at) if at + 2 <= len(exif) else (0,)
    for start in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, type, number = struct.unpack_from(f"{order}HHI", exif, start)
        if tag == _TAG:
            value = struct.unpack_from(f"{order}{_TYPES[type]}", exif, start + 8)[0] if type in _TYPES and number else 0
            return value if value in range(1, 9) else 1
    return 0
