import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.mask_codes import decode_mask, find_colours
from auto_train.errors import ImageError

CODES = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], np.uint8)
RED, BLACK = (250, 50, 83), (0, 0, 0)


def _packed(codes: np.ndarray, bits: int) -> list[bytes]:
    """Return rows of samples of so many bits, the first one in the highest bits."""
    shifts = 8 - bits * (np.arange(8 // bits) + 1)
    padded = np.zeros((len(codes), -(-codes.shape[1] * bits // 8) * 8 // bits), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return [row.tobytes() for row in (padded.reshape(len(codes), -1, 8 // bits) << shifts).sum(axis=2).astype(np.uint8)]


def _png(path: Path, rows: list[bytes], width: int, *, bits: int, kind: int) -> Path:
    """Write a PNG whose samples are these bytes. Source: PNG specification, IHDR and IDAT."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def _tiff(path: Path, rows: list[bytes], width: int, *, bits: int, photometric: int = 1, bands: int = 1) -> Path:
    """Write an uncompressed TIFF whose samples are these bytes. Source: TIFF 6.0, baseline."""
    data = b"".join(rows)
    data += b"\0" * (len(data) % 2)
    of_bands = struct.pack(f"<{bands}H", *[bits] * bands) if bands > 2 else b""
    values = [(256, width), (257, len(rows)), (258, bits), (259, 1), (262, photometric), (273, 8), (277, bands),
              (278, len(rows)), (279, len(data))]  # fmt: skip
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in values]
    if of_bands:
        entries[2] = struct.pack("<HHII", 258, 3, bands, 8 + len(data))
    start = 8 + len(data) + len(of_bands)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + data + of_bands + directory)
    return path


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_masks_of_few_bits_give_the_numbers_in_the_file(tmp_path: Path, bits: int) -> None:
    rows = _packed(CODES, bits)
    for file in (
        _png(tmp_path / "mask.png", rows, 4, bits=bits, kind=0),
        _tiff(tmp_path / "mask.tif", rows, 4, bits=bits),
    ):
        assert decode_mask(file)[0].tolist() == CODES.tolist(), file.name


def test_masks_of_one_bit_are_0_and_1(tmp_path: Path) -> None:
    rows = _packed(CODES % 2, 1)
    for file in (_png(tmp_path / "mask.png", rows, 4, bits=1, kind=0), _tiff(tmp_path / "mask.tif", rows, 4, bits=1)):
        assert decode_mask(file)[0].tolist() == (CODES % 2).tolist(), file.name


def test_palette_entries_are_the_codes_and_come_with_their_colours(tmp_path: Path) -> None:
    image = Image.fromarray(CODES % 2 * 2, "L")
    image.putpalette([*BLACK, 9, 9, 9, *RED])
    image.save(tmp_path / "mask.png")

    codes, colours = decode_mask(tmp_path / "mask.png")

    assert codes.tolist() == (CODES % 2 * 2).tolist()
    assert colours == bytes([*BLACK, *RED])
    assert decode_mask(_png(tmp_path / "grey.png", _packed(CODES, 2), 4, bits=2, kind=0))[1] == b""


def test_colours_give_the_codes_they_stand_for(tmp_path: Path) -> None:
    array = np.where((CODES > 1)[..., None], np.uint8(RED), np.uint8(BLACK))
    image = Image.fromarray(array.astype(np.uint8))
    for name, saved in {"rgb.png": image, "palette.png": image.quantize(2), "rgb.tif": image}.items():
        saved.save(tmp_path / name)
        assert find_colours(tmp_path / name) == {RED, BLACK}
        codes, _ = decode_mask(tmp_path / name, ((BLACK, 0), (RED, 5)))
        assert codes.dtype == np.uint8 and codes.tolist() == np.where(CODES > 1, 5, 0).tolist(), name
    with pytest.raises(ImageError, match=r"colour 250,50,83 in 4 pixels .*labelmap.txt"):
        decode_mask(tmp_path / "rgb.png", ((BLACK, 0), ((1, 2, 3), 5)))


def test_transparency_is_passed_over_where_it_contradicts_no_code(tmp_path: Path) -> None:
    grey, shown = Image.fromarray(CODES), Image.fromarray(np.where(CODES > 0, 255, 0).astype(np.uint8))
    Image.merge("LA", (grey, shown)).save(tmp_path / "mask.png")
    assert decode_mask(tmp_path / "mask.png")[0].tolist() == CODES.tolist()


def test_masks_that_may_be_meant_in_two_ways_are_refused(tmp_path: Path) -> None:
    grey, clear = Image.fromarray(CODES), Image.fromarray(np.zeros_like(CODES))
    blank = Image.new("L", grey.size)
    Image.merge("LA", (blank, grey)).save(tmp_path / "alpha.png")
    Image.merge("RGBA", (grey, grey, grey, clear)).save(tmp_path / "clear.png")
    grey.save(tmp_path / "pages.tif", save_all=True, append_images=[grey])
    wide = [row.astype(">u2").tobytes() for row in np.repeat(CODES, 3, axis=1)]
    _png(tmp_path / "wide.png", wide, 4, bits=16, kind=2)
    for bits in (4, 8):
        _tiff(tmp_path / f"white{bits}.tif", _packed(CODES, bits), 4, bits=bits, photometric=0)
    _tiff(tmp_path / "bands.tif", [row.tobytes() for row in np.repeat(CODES, 5, axis=1)], 4, bits=8, bands=5)
    grey.save(tmp_path / "grey.bmp")

    for name, found in {
        "alpha.png": "alpha channel",
        "clear.png": "value 1 in transparent pixels",
        "pages.tif": "2 images of one size",
        "wide.png": "3 channels of 16 bits",
        "white4.tif": "4 bits in which 0 is white",
        "white8.tif": "8 bits in which 0 is white",
        "bands.tif": "a TIFF of 5 bands of 8 bits",
    }.items():
        with pytest.raises(ImageError, match=found) as caught:
            decode_mask(tmp_path / name)
        assert caught.value.where.endswith(name)
    assert decode_mask(tmp_path / "grey.bmp")[0].tolist() == CODES.tolist()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of tags
def test_damaged_masks_are_image_errors(tmp_path: Path) -> None:
    Image.fromarray(np.tile(CODES, (20, 20))).save(tmp_path / "whole.tif")
    whole, seeds, places = (tmp_path / "whole.tif").read_bytes(), np.random.default_rng(0), []
    for _ in range(200):
        data = bytearray(whole)
        for at in seeds.integers(0, len(data), 4):
            data[at] = seeds.integers(0, 256)
        (tmp_path / "mask.tif").write_bytes(bytes(data))
        try:
            decode_mask(tmp_path / "mask.tif")
        except ImageError as error:
            places.append(error.where)
    assert set(places) == {str(tmp_path / "mask.tif")}
