"""Every format: what would cost too much is refused from its headers; sound files decode to the same pixels."""

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.image import MAX_PIXELS, decode_image, image_size
from auto_train.errors import ImageError, ImageTooLargeError
from tests.data.bounded.made import before_pixels, chunk, png16, run_lengths_bmp, tiff, with_scans

SERVED = 50_000_000  # [serve] max_megapixels


def bytes_of(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def progressive(side: int, scans: int, mode: str = "L") -> bytes:
    return with_scans(bytes_of(Image.new(mode, (side, side)), "JPEG", progressive=True), scans)


def overlapping(parts: int) -> bytes:
    body = b"\x78\x9c" + b"\0\0\0\xff\xff" * 20_000  # deflate's empty blocks
    return tiff(8, parts, [body], rows=1, offsets=[8] * parts, counts=[len(body)] * parts)


def gif_with(extensions: int, frame: int = 8) -> bytes:
    data = bytes_of(Image.new("P", (8, 8)), "GIF")
    at = data.index(b",")
    return (
        data[:at] + b"\x21\xfe\0" * extensions + data[at : at + 5] + struct.pack("<HH", frame, frame) + data[at + 9 :]
    )


def webp_canvas(width: int, height: int) -> bytes:
    body = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + body


def wide_png() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 49_000_000, 1, 16, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")


COSTLY: dict[str, Callable[[], bytes]] = {
    "tile of 46,000 x 46,000": lambda: tiff(10, 10, [b""], tile=(46_000, 46_000)),
    "tiles much larger than the image": lambda: tiff(60, 60, [b""] * 4, tile=(60_000, 1_000)),
    "strips that share their bytes": lambda: overlapping(1_000),
    "more strips than a file holds": lambda: tiff(1, 100_000, [b"0"], rows=1, compression=1),
    "JPEG strip of many scans": lambda: tiff(64, 64, [progressive(64, 90)], compression=7),
    "strip of 50 megapixels of 6 bytes": lambda: tiff(7_000, 7_100, [b"0"], samples=3, bits=16),
    "scans": lambda: progressive(1_000, 600),
    "scans of a large image": lambda: progressive(4_000, 60),
    "progressive CMYK of 49 megapixels": lambda: with_size(
        bytes_of(Image.new("CMYK", (8, 8)), "JPEG", progressive=True)
    ),
    "comments before a JPEG": lambda: after_start(bytes_of(Image.new("L", (8, 8)), "JPEG"), b"\xff\xfe\0\2" * 20_000),
    "PNG chunks": lambda: before_pixels(bytes_of(Image.new("L", (8, 8)), "PNG"), chunk(b"tEXt", b"a\0") * 100_001),
    "PNG of one wide row": wide_png,
    "GIF extensions": lambda: gif_with(100_001),
    "GIF frame beyond its screen": lambda: gif_with(0, frame=65_535),
    "WebP canvas": lambda: webp_canvas(16_000, 16_000),
    "WebP canvas below the limit of pixels": lambda: webp_canvas(7_000, 7_000),
    "BMP run lengths": lambda: run_lengths_bmp(100, 100, b"\0\2\0\0" * 2_000_000),
    "BMP run lengths of many pixels": lambda: run_lengths_bmp(7_000, 7_000, b"\0\1"),
}


def after_start(jpeg: bytes, more: bytes) -> bytes:
    return jpeg[:2] + more + jpeg[2:]


def with_size(jpeg: bytes, side: int = 7_000) -> bytes:
    at = jpeg.index(b"\xff\xc2") + 5
    return jpeg[:at] + struct.pack(">HH", side, side) + jpeg[at + 4 :]


@pytest.mark.parametrize("name", COSTLY)
def test_costly_file_is_refused_before_anything_is_allocated(name: str):
    data = COSTLY[name]()
    tracemalloc.start()
    began = time.process_time()

    with pytest.raises(ImageTooLargeError) as caught:
        decode_image(data, max_pixels=SERVED)

    took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.http_status == 413 and caught.value.allowed
    assert took < 2 and peak < 3 * len(data) + 20_000_000


def text_chunks() -> bytes:
    packed = zlib.compress(b"x" * 1_200_000)
    chunks = [
        (b"zTXt", b"workflow\0\0" + packed),
        (b"iTXt", b"prompt\0\1\0\0\0" + packed),
        (b"iCCP", b"p\0\0" + packed),
    ]
    return b"".join(chunk(kind, body) for kind, body in chunks)


def test_png_with_large_text_and_profile_is_read(make_image, tmp_path: Path):
    image = make_image(0)
    for where in (before_pixels(bytes_of(image, "PNG"), text_chunks()), bytes_of(image, "PNG")[:-12] + text_chunks()):
        data = where if where.endswith(b"IEND\xaeB`\x82") else where + chunk(b"IEND", b"")
        (tmp_path / "a.png").write_bytes(data)
        assert (decode_image(data) == np.asarray(image)).all()
        assert image_size(tmp_path / "a.png") == image_size(data) == image.size


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_png_with_text_that_ends_too_early_is_refused(make_image, cut: float):
    data = before_pixels(bytes_of(make_image(0, (200, 150)), "PNG"), chunk(b"tEXt", b"a\0b"))
    with pytest.raises(ImageError, match="is damaged"):
        decode_image(data[: int(cut * len(data))])


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def xmp_of(orientation: int) -> bytes:
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def png_texts(orientation: int) -> dict[str, bytes]:
    exif = exif_of(orientation)
    profile = b"\nexif\n" + str(len(exif)).encode() + b"\n" + exif.hex().encode()
    return {
        "eXIf": chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")),
        "zTXt": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
        "iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_of(orientation)),
        "packed iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp_of(orientation))),
    }


@pytest.mark.parametrize("kind", ["eXIf", "zTXt", "iTXt", "packed iTXt"])
def test_png_is_turned_by_what_its_texts_say(make_image, kind: str):
    data = before_pixels(bytes_of(make_image(0), "PNG"), png_texts(6)[kind] + text_chunks())
    assert (decode_image(data) == np.rot90(np.asarray(make_image(0)), -1)).all()
    assert image_size(data) == make_image(0).size[::-1]


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF"])
def test_xmp_alone_turns_an_image(make_image, format: str):
    image = make_image(0, (64, 48))
    options = {"tiffinfo": {700: xmp_of(8)}} if format == "TIFF" else {"xmp": xmp_of(8)}
    assert decode_image(bytes_of(image, format, **options)).shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_further_frames_cost_nothing(make_image, format: str, options: dict[str, object]):
    frames = [make_image(seed, (300, 200)).convert("P" if format == "GIF" else "RGB") for seed in range(8)]
    data = bytes_of(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert (decode_image(data) == np.asarray(frames[0].convert("RGB"))).all()


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "LAB", "P", "1", "LA"])
def test_tiff_pixels_are_those_pillow_gives(make_image, compression: str | None, mode: str):
    if compression == "jpeg" and mode not in ("L", "RGB", "CMYK"):
        pytest.skip("libtiff writes no such JPEG")
    image = make_image(3, (150, 90)).convert("RGB").convert("L" if mode in ("1", "LA") else "RGB")
    image = image if mode == "LAB" else image.convert(mode)
    data = bytes_of(image, "TIFF", compression=compression)
    opened = Image.open(io.BytesIO(data))
    expected = opened.convert("RGB") if not opened.has_transparency_data else opened.convert("RGBA").convert("RGB")
    assert (decode_image(data) == np.asarray(expected)).all()


def test_tiff_in_tiles_and_planes_is_read():
    values = np.arange(40 * 48, dtype=np.uint8).reshape(40, 48)
    tiles = [
        zlib.compress(values[y : y + 16, x : x + 16].copy().tobytes().ljust(256, b"\0"))
        for y in (0, 16)
        for x in (0, 16, 32)
    ]
    assert (decode_image(tiff(48, 32, tiles, tile=(16, 16)))[..., 0] == values[:32]).all()
    planes = [zlib.compress((values + plane).tobytes()) for plane in range(3)]
    found = decode_image(tiff(48, 40, planes, samples=3, tags=[(284, 3, [2])]))
    assert (found == np.stack([values, values + 1, values + 2], axis=2)).all()


def test_tag_that_is_there_twice_says_one_thing_to_both_readers():
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    data = tiff(8, 8, [zlib.compress(values.tobytes())], tags=[(256, 4, [9_000]), (257, 4, [5_000])])
    assert (decode_image(data)[..., 0] == values).all()


def test_ordinary_jpegs_of_every_kind_are_within_the_limits(make_image):
    image = make_image(0, (640, 480))
    for options in ({}, {"progressive": True}, {"progressive": True, "subsampling": 0, "quality": 97}):
        assert decode_image(bytes_of(image, "JPEG", **options), max_pixels=640 * 480).shape == (480, 640, 3)
    assert decode_image(progressive(64, 400, "RGB")).shape == (64, 64, 3)


def test_jpeg_without_what_pixels_do_not_need_is_the_same(make_image):
    plain = bytes_of(make_image(0), "JPEG")
    rubbish = b"\xff" * 5_000 + b"\xff\xfe\0\4ab" * 200 + b"\xff\xe2\xff\xff" + bytes(65_533)
    assert (decode_image(after_start(plain, rubbish)) == decode_image(plain)).all()


@pytest.mark.parametrize(("kind", "mode"), [(2, "RGB;16"), (4, "RGBA;16")])
def test_16_bits_of_colour_are_told(kind: int, mode: str):
    from auto_train.data.image import decode_with_header

    channels = {2: 3, 4: 4}[kind]
    header, pixels = decode_with_header(png16(np.full((4, 4, channels), 4_095, np.uint16)))
    assert header.mode == mode and (kind == 4 or pixels.max() == 15)
    assert decode_with_header(tiff(2, 2, [zlib.compress(bytes(24))], samples=3, bits=16))[0].mode == "RGB;16"


def test_default_limit_lets_pass_what_it_let_pass(make_image):
    assert MAX_PIXELS == 178_956_970
    assert decode_image(bytes_of(Image.new("1", (10_000, 10_000)), "PNG")).shape == (10_000, 10_000, 3)


FOREIGN = {
    "HEIC": [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"],
    "AVIF": [b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif"],
    "JPEG XL": [b"\xff\x0a\xfa\x7f"],
    "JPEG 2000": [b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14"],
    "Photoshop": [b"8BPS\0\1"],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_format_that_is_not_decoded_is_named_with_what_to_do(name: str, tmp_path: Path):
    for at, data in enumerate(FOREIGN[name]):
        (tmp_path / f"{at}.jpg").write_bytes(data)
        with pytest.raises(ImageError, match=f"{name}.*JPEG") as caught:
            decode_image(tmp_path / f"{at}.jpg")
        assert caught.value.http_status == 415 and caught.value.hint
