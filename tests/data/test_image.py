import io
import tarfile
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps

from auto_train.data import decode_image
from auto_train.data.image import convert_image, image_size
from auto_train.errors import ImageError, ImageTooLargeError


@pytest.fixture
def picture(make_image) -> Image.Image:
    return make_image(1, (60, 40))


def difference(a: np.ndarray, b: object) -> float:
    return float(np.abs(a.astype(float) - np.asarray(b, float)).mean())


def drop_marker(jpeg: bytes, marker: bytes) -> bytes:
    """Return a JPEG without one of its header segments."""
    start = jpeg.index(b"\xff" + marker)
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


@pytest.mark.parametrize(
    ("format", "tolerance"), [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("WEBP", 8), ("JPEG", 8), ("GIF", 12)]
)
def test_decode_every_format_gives_the_picture(picture, encode, format: str, tolerance: float) -> None:
    pixels = decode_image(encode(picture, format))

    assert pixels.shape == (40, 60, 3) and pixels.dtype == np.uint8
    assert pixels.flags.writeable and pixels.flags.c_contiguous
    assert difference(pixels, picture) <= tolerance


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "PA"])
def test_decode_opaque_modes_look_the_same(picture, encode, mode: str) -> None:
    image = picture.convert("P").convert(mode) if mode == "PA" else picture.convert(mode)

    pixels = decode_image(encode(image, "TIFF" if mode == "PA" else "PNG"))

    assert difference(pixels, image.convert("RGB")) == 0


def test_decode_transparency_is_laid_on_white(encode) -> None:
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.putpixel((2, 0), (0, 0, 0, 128))

    assert decode_image(encode(image, "PNG")).tolist() == [[[255, 0, 0], [255, 255, 255], [127, 127, 127]]]


def test_decode_transparent_palette_and_transparent_colour_are_laid_on_white(encode) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    rgb = Image.new("RGB", (2, 1), (5, 5, 5))
    rgb.putpixel((1, 0), (7, 7, 7))

    assert decode_image(encode(palette, "PNG", transparency=1)).tolist() == [[[0] * 3, [255] * 3]]
    assert decode_image(encode(palette, "GIF", transparency=1)).tolist() == [[[0] * 3, [255] * 3]]
    assert decode_image(encode(rgb, "PNG", transparency=(7, 7, 7))).tolist() == [[[5] * 3, [255] * 3]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_decode_16_bit_grey_is_scaled_not_clipped(encode, format: str) -> None:
    values = np.array([[0, 128, 257, 32_768, 65_535]], np.uint16)

    pixels = decode_image(encode(Image.fromarray(values), format))

    assert pixels[0, :, 0].tolist() == [0, 0, 1, 128, 255]  # value / 257, rounded
    assert (pixels == pixels[:, :, :1]).all()


def test_decode_16_bit_colour_png_keeps_the_high_bytes() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 16, 2, 0, 0, 0]))
    body = chunk(b"IDAT", zlib.compress(bytes([0, 200, 0, 100, 0, 50, 0])))

    assert decode_image(b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")).tolist() == [[[200, 100, 50]]]


@pytest.mark.parametrize("mode", ["F", "I"])
def test_decode_32_bit_is_refused_since_its_range_is_unknown(encode, mode: str) -> None:
    with pytest.raises(ImageError, match=f"mode '{mode}' .32 bits. has no defined range"):
        decode_image(encode(Image.new(mode, (4, 4)), "TIFF"))


def test_decode_lab_tiff_has_its_colours(picture, encode) -> None:
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")

    assert difference(decode_image(encode(ImageCms.applyTransform(picture, transform), "TIFF")), picture) < 5


def test_decode_cmyk_jpeg_has_its_colours(picture, encode) -> None:
    assert difference(decode_image(encode(picture.convert("CMYK"), "JPEG", quality=95)), picture) < 5


def test_decode_cmyk_jpeg_without_adobe_marker_is_not_inverted(picture, encode) -> None:
    # Stored as they are, not inverted: what a file without the marker means.
    plain = drop_marker(encode(ImageChops.invert(picture.convert("CMYK")), "JPEG", quality=95), b"\xee")

    assert b"Adobe" not in plain
    assert difference(decode_image(plain), picture) < 5


def test_decode_grey_jpeg_becomes_rgb(picture, encode) -> None:
    assert difference(decode_image(encode(picture.convert("L"), "JPEG")), picture.convert("L").convert("RGB")) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_decode_exif_rotated_photo_is_upright(picture, encode, orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # How a camera held that way stores the scene: the inverse of what has to be done to see it.
    stored = picture
    if orientation > 1:
        inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
        stored = picture.transpose(Image.Transpose(inverse))
    data = encode(stored, format, exif=exif)

    pixels = decode_image(data)

    assert pixels.shape == (40, 60, 3)
    assert difference(pixels, picture) < 8
    assert image_size(data) == (60, 40)


def test_decode_broken_exif_shows_the_image_as_it_is(picture, encode) -> None:
    data = encode(picture, "JPEG", exif=b"Exif\0\0not a TIFF header")

    assert decode_image(data).shape == (40, 60, 3)
    assert image_size(data) == (60, 40)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_decode_several_frames_gives_the_first(encode, format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}

    pixels = decode_image(encode(frames[0], format, save_all=True, append_images=frames[1:], **options))

    assert pixels[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_decode_truncated_file_is_refused(make_image, encode, format: str, share: float) -> None:
    data = encode(make_image(0, (200, 150)), format)

    with pytest.raises(ImageError, match=r"is damaged|cannot be read|is no image"):
        decode_image(data[: int(len(data) * share)])


def test_decode_text_named_png_says_how_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("hello, world")

    with pytest.raises(
        ImageError, match=r"a.png: is no image: it begins with b'hello, world'.*JPEG, PNG, WEBP"
    ) as caught:
        decode_image(path)

    assert caught.value.http_status == 415


def test_decode_zero_bytes_says_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")

    with pytest.raises(ImageError, match=r"a.png: is empty \(0 bytes\)"):
        decode_image(tmp_path / "a.png")
    with pytest.raises(ImageError, match="is empty"):
        decode_image(b"")


@pytest.mark.parametrize("function", [decode_image, image_size])
def test_decode_missing_file_and_folder_are_named(tmp_path: Path, function) -> None:
    with pytest.raises(ImageError, match=r"none.png: cannot be read.*No such file"):
        function(tmp_path / "none.png")
    with pytest.raises(ImageError, match=r"cannot be read.*Is a directory"):
        function(tmp_path)


def test_decode_format_of_no_list_is_refused(picture, encode) -> None:
    with pytest.raises(ImageError, match="is no image"):
        decode_image(encode(picture, "PPM"))


def test_decode_bomb_is_refused_from_its_header(encode) -> None:
    bomb = encode(Image.new("1", (20_000, 20_000)), "PNG")
    start = time.process_time()

    with pytest.raises(ImageTooLargeError) as caught:
        decode_image(bomb)

    assert caught.value.http_status == 413
    assert time.process_time() - start < 0.05


def test_decode_limit_is_the_callers(picture, encode) -> None:
    data = encode(picture, "PNG")

    assert decode_image(data, max_pixels=2400).shape == (40, 60, 3)
    with pytest.raises(ImageTooLargeError, match=r"has 60 x 40 pixels .allowed: at most 2,399 pixels"):
        decode_image(data, max_pixels=2399)


def test_decode_large_photo_below_the_limit_brings_no_warning(encode) -> None:
    data = encode(Image.new("1", (10_000, 10_000)), "PNG")  # above Pillow's own limit of 89 million

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_size(data) == (10_000, 10_000)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30, "restart_marker_rows": 1}])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_decode_jpeg_gives_exactly_pillows_pixels(encode, mode: str, options: dict, subsampling: str) -> None:
    from sklearn.datasets import load_sample_images

    for photo, (width, height) in zip(load_sample_images().images, [(640, 427), (333, 211)], strict=True):
        image = Image.fromarray(photo[:height, :width]).convert(mode)
        data = encode(image, "JPEG", subsampling=subsampling, **options)
        with Image.open(io.BytesIO(data)) as again:
            expected = np.array(again.convert("RGB"))
        assert np.array_equal(decode_image(data), expected)


@pytest.mark.parametrize("min_side", [50, 100, 200, 400])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_decode_min_side_keeps_enough_pixels_and_the_picture(make_image, encode, min_side: int, mode: str) -> None:
    image = make_image(0, (800, 600)).convert(mode)
    data = encode(image, "JPEG", quality=95)

    pixels = decode_image(data, min_side=min_side)

    assert min(pixels.shape[:2]) >= min_side
    if mode != "CMYK":
        assert (pixels.shape[0] < 600) == (min_side <= 300)
    small = image.convert("RGB").resize(pixels.shape[1::-1], Image.Resampling.BOX)
    assert difference(pixels, small) < 6


def test_decode_min_side_of_a_smaller_image_keeps_all_it_has(picture, encode) -> None:
    assert decode_image(encode(picture, "JPEG"), min_side=100).shape == (40, 60, 3)


def test_decode_min_side_turns_upright_too(make_image, encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(make_image(0, (800, 600)), "JPEG", exif=exif)

    full = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))

    pixels = decode_image(data, min_side=100)

    assert pixels.shape[0] > pixels.shape[1] and full.size == (600, 800)
    assert difference(pixels, full.resize(pixels.shape[1::-1], Image.Resampling.BOX)) < 6


def test_decode_min_side_of_a_truncated_jpeg_is_refused(make_image, encode) -> None:
    data = encode(make_image(0, (800, 600)), "JPEG")

    with pytest.raises(ImageError, match="is damaged"):
        decode_image(data[: len(data) // 2], min_side=100)


def test_decode_real_photos_equals_pillow(mirror: Path, tmp_path: Path) -> None:
    with tarfile.open(mirror / "coco_cc_mini/coco_cc_mini.tgz") as file:
        photos = [file.extractfile(m).read() for m in file.getmembers() if m.name.endswith(".jpg")]

    assert len(photos) == 53
    for data in photos:
        pixels = decode_image(data)
        assert (pixels == np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))).all()
        assert image_size(data) == pixels.shape[1::-1]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_convert_gives_what_decode_gives_and_leaves_the_image_alone(picture, encode, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(picture.convert("CMYK") if format in ("JPEG", "TIFF") else picture, format, exif=exif)
    opened = Image.open(io.BytesIO(data))
    opened.load()  # which turns a TIFF
    size, mode = opened.size, opened.mode

    assert (convert_image(opened) == decode_image(data)).all()
    assert (opened.size, opened.mode) == (size, mode)


def test_convert_cmyk_jpeg_without_adobe_marker_is_not_inverted(picture, encode) -> None:
    plain = drop_marker(encode(ImageChops.invert(picture.convert("CMYK")), "JPEG", quality=95), b"\xee")

    assert (convert_image(Image.open(io.BytesIO(plain))) == decode_image(plain)).all()


def test_convert_of_an_image_without_pixels_is_refused(tmp_path: Path, encode) -> None:
    closed = Image.open(io.BytesIO(encode(Image.new("RGB", (4, 4)), "PNG")))
    closed.close()

    with pytest.raises(ImageError, match="cannot be converted"):
        convert_image(closed)
    with pytest.raises(ImageError, match="cannot be converted: mode 'F'"):
        convert_image(Image.new("F", (4, 4)))
