import zlib

import numpy as np
import pytest
from PIL import Image

from tests.data.bounded.made import png16, tiff


def codes_of(folder, doctor) -> dict[str, list[str]]:
    findings = doctor(folder).findings
    return {finding.code: [item.path for item in finding.items] for finding in findings}


def test_modes_are_told_apart(write_photos, photo, doctor):
    folder = write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(8)})
    photo(8).convert("CMYK").save(folder / "a/cmyk.jpg")
    Image.fromarray(np.asarray(photo(9).convert("L")).astype(np.uint16) * 257).save(folder / "a/sixteen.png")
    photo(10).convert("RGBA").save(folder / "b/alpha.png")
    photo(11).convert("L").save(folder / "b/grey.png")
    photo(12).convert("P").save(folder / "b/palette.png", transparency=0)
    found = codes_of(folder, doctor)
    assert found["odd_mode"] == ["a/cmyk.jpg", "a/sixteen.png"]
    assert found["transparent"] == ["b/alpha.png", "b/palette.png"]
    assert found["mixed_modes"] == ["b/grey.png"]


def test_data_of_one_mode_has_nothing_to_tell(write_photos, doctor):
    found = codes_of(write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(8)}), doctor)
    assert not {"odd_mode", "transparent", "mixed_modes", "exif_rotated", "blank", "tiny", "extreme_aspect"} & set(
        found
    )


@pytest.mark.parametrize(("tag", "how"), [(3, "turned by 180°"), (6, "turned right"), (2, "mirrored")])
def test_exif_orientation_is_named(write_photos, photo, find, tag, how):
    folder = write_photos({"a/1.jpg": 0, "b/2.jpg": 1})
    exif = Image.Exif()
    exif[0x0112] = tag
    photo(2).save(folder / "a/turned.jpg", exif=exif)
    finding = find(folder, "exif_rotated")
    assert [(item.path, item.message) for item in finding.items] == [("a/turned.jpg", f"EXIF {tag}: {how}")]


def test_sizes_out_of_the_ordinary_are_found(write_photos, photo, doctor):
    folder = write_photos({"a/1.png": 0, "b/2.png": 1})
    Image.new("RGB", (1, 1), "red").save(folder / "a/pixel.png")
    photo(3).resize((90, 15)).save(folder / "b/banner.png")
    found = codes_of(folder, doctor)
    assert found["tiny"] == ["a/pixel.png"] and found["extreme_aspect"] == ["b/banner.png"]
    assert "blank" not in found  # one pixel has one colour


def test_blank_images_are_found(write_photos, find):
    folder = write_photos({"a/1.png": 0, "b/2.png": 1})
    Image.new("RGB", (50, 50), (0, 0, 0)).save(folder / "a/black.png")
    Image.new("RGB", (50, 50), (255, 255, 255)).save(folder / "b/white.jpg")
    finding = find(folder, "blank")
    assert [(item.path, item.message) for item in finding.items] == [
        ("a/black.png", "grey 0 of 255"),
        ("b/white.jpg", "grey 255 of 255"),
    ]


def test_every_kind_of_broken_file_is_a_finding_to_leave_out(write_photos, photo, encode, doctor):
    folder = write_photos({"a/1.png": 0, "b/2.png": 1})
    (folder / "a/zero.png").touch()
    (folder / "a/text.jpg").write_text("no image")
    (folder / "b/half.jpg").write_bytes(encode(photo(2), "JPEG")[:1200])
    (folder / "b/gone.jpg").symlink_to("nowhere")
    examination = doctor(folder)
    assert [(one.code, one.items[0].path) for one in examination.errors] == [
        ("missing", "b/gone.jpg"),
        ("empty", "a/zero.png"),
        ("not_an_image", "a/text.jpg"),
        ("truncated", "b/half.jpg"),
        ("empty_split", ""),  # splits are not drawn here
    ]
    assert all(one.leave_out for one in examination.errors[:4])


def save_12_bits(folder, name: str, photo, *, is_colour: bool, times: int = 1) -> None:
    values = np.asarray(photo if is_colour else photo.convert("L")).astype(np.uint16) * 16 * times
    (folder / name).write_bytes(png16(values))


@pytest.mark.parametrize("is_colour", [True, False])
def test_12_bits_in_16_are_told_and_their_narrow_range(write_photos, photo, doctor, is_colour):
    folder = write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(8)})
    save_12_bits(folder, "a/narrow.png", photo(9), is_colour=is_colour)
    save_12_bits(folder, "b/full.png", photo(10), is_colour=is_colour, times=16)
    for _ in range(2):  # from the files, then from the cache
        found = codes_of(folder, doctor)
        assert found["odd_mode"] == ["a/narrow.png", "b/full.png"]
        assert found["narrow_range"] == ["a/narrow.png"]


def test_16_bit_colour_tiff_and_alpha_are_told(write_photos, photo, doctor):
    folder = write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(8)})
    values = np.asarray(photo(9)).astype(np.uint16) * 257
    (folder / "a/colour.tif").write_bytes(tiff(96, 96, [zlib.compress(values.tobytes())], samples=3, bits=16))
    (folder / "b/clear.png").write_bytes(png16(np.dstack([values, np.full((96, 96), 40_000, np.uint16)])))
    found = codes_of(folder, doctor)
    assert found["odd_mode"] == ["a/colour.tif", "b/clear.png"] and found["transparent"] == ["b/clear.png"]


@pytest.mark.parametrize(
    ("name", "start"), [("photo.heic", b"ftypheic"), ("photo.avif", b"ftypavif"), ("x.jpg", b"ftypheic")]
)
def test_heic_and_avif_are_errors_of_their_own(write_photos, find, name, start):
    folder = write_photos({f"{'ab'[i % 2]}/{i}.png": i for i in range(4)})
    (folder / "a" / name).write_bytes(b"\0\0\0\x18" + start + bytes(40))
    finding = find(folder, "not_decoded")
    assert [item.path for item in finding.items] == [f"a/{name}"] and "JPEG" in finding.items[0].message
    assert ("AVIF" if b"avif" in start else "HEIC") in finding.items[0].message
