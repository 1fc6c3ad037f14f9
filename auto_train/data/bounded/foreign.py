"""Image formats that are not decoded, by their names, and how to convert them."""

from typing import NamedTuple


class Foreign(NamedTuple):
    """A format that is not decoded.

    Attributes:
        name: as people know it.
        hint: the command that converts a file.
    """

    name: str
    hint: str

    @property
    def advice(self) -> str:
        return "convert it to JPEG or PNG"


_PHONE = "an iPhone takes JPEG with Settings > Camera > Formats > Most Compatible"
_HEIC = Foreign("HEIC", f"heif-convert photo.heic photo.jpg (libheif); {_PHONE}")
_AVIF = Foreign("AVIF", "avifdec photo.avif photo.jpg (libavif)")
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
# Cameras and browsers write these; files of the other formats are rarely among photos.
SUFFIXES = frozenset([".heic", ".heif", ".hif", ".avif"])


def foreign_format(start: bytes) -> Foreign | None:
    """Return the format that a file of these first bytes (64 are enough) is in, where it is a known one."""
    if start[4:8] == b"ftyp":
        # The main brand, then the compatible ones: mif1 alone may be either of the two.
        brands = [start[8:12], *(start[at : at + 4] for at in range(16, len(start) - 3, 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return _AVIF
        return _HEIC if any(brand in _HEIF_BRANDS for brand in brands) else None
    name = next((name for signature, name in _STARTS.items() if start.startswith(signature)), "")
    return Foreign(name, "magick photo photo.png (ImageMagick)") if name else None
