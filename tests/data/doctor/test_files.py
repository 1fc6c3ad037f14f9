import numpy as np
import pytest
from PIL import Image


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
