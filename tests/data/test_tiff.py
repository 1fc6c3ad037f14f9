import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import decode_image
from auto_train.data.tiff import find_unusual_bands
from auto_train.errors import ImageError


def _saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "TIFF")
    return file.getvalue()


def _with_bands(bands: int, bits: int) -> bytes:
    """Return an uncompressed TIFF of one row of two pixels. Source: TIFF 6.0, baseline."""
    data = bytes(2 * bands * bits // 8) + struct.pack(f"<{bands}H", *[bits] * bands)
    values = {256: 2, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: bands, 278: 1, 279: len(data) - 2 * bands}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items()}
    if bands > 2:
        entries[258] = struct.pack("<HHII", 258, 3, bands, 8 + len(data) - 2 * bands)
    directory = struct.pack("<H", len(entries)) + b"".join(entries.values()) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


@pytest.mark.parametrize(("bands", "bits"), [(2, 8), (5, 16), (13, 16)])
def test_bands_of_an_image_that_is_not_decoded_are_named(tmp_path: Path, bands: int, bits: int) -> None:
    (tmp_path / "scene.tif").write_bytes(_with_bands(bands, bits))
    for source in (tmp_path / "scene.tif", _with_bands(bands, bits)):
        with pytest.raises(ImageError, match=f"a TIFF of {bands} bands of {bits} bits"):
            decode_image(source)


def test_usual_tiffs_and_broken_ones_have_no_unusual_bands() -> None:
    images = Image.new("L", (3, 2)), Image.new("RGB", (3, 2)), Image.fromarray(np.zeros((2, 3), np.uint16))
    whole = _with_bands(5, 8)
    for data in (*map(_saved, images), b"", b"\x89PNG\r\n", whole[:40], whole[: len(whole) - 40]):
        assert find_unusual_bands(data) == ""
