import io
import struct

import numpy as np
from PIL import Image

from auto_train.data.tiff import tiff_bands


def _saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "TIFF")
    return file.getvalue()


def test_bands_and_bits_of_a_tiff_are_named() -> None:
    assert tiff_bands(_saved(Image.new("L", (3, 2)))) == "a TIFF of 1 band of 8 bits"
    assert tiff_bands(_saved(Image.new("RGB", (3, 2)))) == "a TIFF of 3 bands of 8 bits"
    assert tiff_bands(_saved(Image.fromarray(np.zeros((2, 3), np.uint16)))) == "a TIFF of 1 band of 16 bits"


def test_bytes_that_are_not_a_whole_tiff_have_none() -> None:
    whole = _saved(Image.new("RGB", (3, 2)))
    start = struct.unpack_from("<I", whole, 4)[0]
    assert [tiff_bands(data) for data in (b"", b"\x89PNG\r\n", whole[: start + 20])] == ["", "", ""]
