import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.doctor.look import SIDE, Look, Problem, look_at, look_at_arrays, problem_of, shrink
from auto_train.errors import ImageError


def seen(tmp_path: Path, name: str, content: bytes) -> Look | Problem:
    (tmp_path / name).write_bytes(content)
    return look_at(tmp_path / name)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_look_of_every_format_has_size_format_and_picture(tmp_path, photo, encode, format):
    image = photo(0).resize((80, 60))
    look = seen(tmp_path, "a", encode(image, format))
    assert isinstance(look, Look) and look[:2] == (80, 60) and (look.format, look.orientation) == (format, 1)
    expected = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), int)
    found = np.frombuffer(look.thumb, np.uint8).reshape(SIDE, SIDE)
    assert np.abs(found - expected).max() <= 12  # GIF has 256 colours, JPEG its losses


def test_look_at_large_jpeg_is_the_picture_of_its_full_decode(tmp_path, encode, photo):
    image = photo(1).resize((800, 600), Image.Resampling.BICUBIC)
    look = seen(tmp_path, "a.jpg", encode(image, "JPEG", quality=92))
    expected = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), int)
    assert look[:2] == (800, 600)
    assert np.abs(np.frombuffer(look.thumb, np.uint8).reshape(SIDE, SIDE) - expected).max() <= 12


@pytest.mark.parametrize(
    ("mode", "format", "expected"),
    [
        ("L", "PNG", "L"),
        ("RGBA", "PNG", "RGBA"),
        ("P", "PNG", "P"),
        ("1", "PNG", "1"),
        ("I;16", "PNG", "I;16"),
        ("CMYK", "JPEG", "CMYK"),
        ("L", "JPEG", "L"),
    ],
)
def test_look_tells_the_mode(tmp_path, photo, encode, mode, format, expected):
    image = Image.fromarray(np.asarray(photo(0).convert("L")).astype(np.uint16) * 257) if mode == "I;16" else None
    assert seen(tmp_path, "a", encode(image or photo(0).convert(mode), format)).mode == expected


def test_look_tells_a_transparent_palette(tmp_path, photo, encode):
    image = photo(0).convert("P")
    assert seen(tmp_path, "a.png", encode(image, "PNG", transparency=0)).mode == "P+A"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_look_at_a_turned_image_is_upright(tmp_path, photo, encode, format):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = photo(0).resize((80, 60))
    look = seen(tmp_path, "a", encode(image, format, exif=exif, quality=95))
    assert (look.width, look.height, look.orientation) == (60, 80, 6)
    upright = np.asarray(image.rotate(-90, expand=True).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), int)
    assert np.abs(np.frombuffer(look.thumb, np.uint8).reshape(SIDE, SIDE) - upright).max() <= 8


def test_orientation_that_is_none_is_upright(tmp_path, photo, encode):
    exif = Image.Exif()
    exif[0x0112] = 77
    assert seen(tmp_path, "a.jpg", encode(photo(0), "JPEG", exif=exif)).orientation == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
@pytest.mark.parametrize("size", [(64, 48), (640, 480)])
def test_truncated_image_is_told_whatever_its_size(tmp_path, photo, encode, format, size):
    content = encode(photo(0).resize(size), format)
    found = seen(tmp_path, "a", content[: len(content) * 2 // 3])
    assert isinstance(found, Problem) and found.code == "truncated", found


def test_other_broken_files_are_told_apart(tmp_path, encode, photo):
    damaged = bytearray(encode(photo(0), "PNG"))
    damaged[60:90] = bytes(30)
    codes = {
        "empty": b"",
        "not_an_image": b"this is no image",
        "unreadable": bytes(damaged),
    }
    assert {code: seen(tmp_path, code, content).code for code, content in codes.items()} == {c: c for c in codes}
    assert look_at(tmp_path / "nowhere").code == "missing"


def test_huge_image_is_told_by_its_header_alone(tmp_path):
    # 400 megapixels of one bit in 50 kB
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    found = look_at(tmp_path / "huge.png")
    assert found.code == "too_large" and "20000 x 20000 pixels" in found.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "not_allowed"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "missing"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links"), "missing"),
        (OSError(errno.EIO, "Input/output error"), "unreadable"),
        (ImageError("is damaged: broken data stream"), "unreadable"),
    ],
)
def test_problem_of_an_error_has_a_code(error, code):
    assert problem_of(error).code == code


@pytest.mark.parametrize("shape", [(40, 64, 48), (5, 96, 32, 3), (3, 1, 1), (2, 8, 8, 3)])
def test_shrink_is_what_pillows_box_filter_gives(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = [np.asarray(Image.fromarray(i).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)) for i in images]
    assert np.abs(shrink(images).astype(int) - np.array(expected, int)).max() <= 1


@pytest.mark.parametrize("shape", [(9, 28, 28), (5, 100, 33, 3), (3, 17, 250)])
def test_shrink_keeps_the_mean_where_sides_do_not_divide(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = [np.asarray(Image.fromarray(image).convert("L")).mean() for image in images]
    assert shrink(images).mean(axis=(1, 2)) == pytest.approx(expected, abs=0.6)


def test_look_at_arrays_of_several_shapes_keeps_their_order():
    images = [np.full(shape, value, np.uint8) for value, shape in enumerate([(8, 9), (5, 5, 3), (8, 9)])]
    looks = look_at_arrays(images)
    assert [look[:2] for look in looks] == [(9, 8), (5, 5), (9, 8)] and [look.thumb[0] for look in looks] == [0, 1, 2]
