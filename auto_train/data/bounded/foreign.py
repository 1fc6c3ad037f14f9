"""Image formats that are not decoded, by their names, and how to convert them."""

from typing import NamedTuple


class Foreign(NamedTuple):
    """A format that is not decoded.

    Attributes:
        name: as people know it.
        hint: what to do.
    """

    name: str
    hint: str


_CONVERT = "convert it to JPEG or PNG: magick {name} photo.jpg (ImageMagick)"
_HEIC = "convert it to JPEG: heif-convert photo.heic photo.jpg (libheif); on an iPhone choose Settings > Camera > Formats > Most Compatible"
_AVIF = "convert it to JPEG: avifdec photo.avif photo.jpg (libavif)"
# Of the file type box at the start. Source: ISO/IEC 23008-12 (HEIF), AV1 Image File Format.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_STARTS = {
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "Photoshop",
}
SUFFIXES = {".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".avif": "AVIF"}
HINTS = {"HEIC": _HEIC, "AVIF": _AVIF}


def foreign_format(start: bytes) -> Foreign | None:
    """Return the format that a file of these first bytes (32 are enough) is in, where it is a known one."""
    if start[4:8] == b"ftyp":
        # The main brand and the compatible ones: mif1 alone says that it is one of the two.
        brands = [start[8:12], *(start[at : at + 4] for at in range(16, min(len(start), 32) - 3, 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return Foreign("AVIF", _AVIF)
        if any(brand in _HEIF_BRANDS for brand in brands):
            return Foreign("HEIC", _HEIC)
    name = next((name for signature, name in _STARTS.items() if start.startswith(signature)), "")
    return Foreign(name, _CONVERT.format(name="photo")) if name else None
