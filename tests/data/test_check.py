import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import check_readable, read_samples
from auto_train.data.check import read_exclude, require_readable, write_exclude
from auto_train.errors import DataError


@pytest.fixture
def damaged(make_files, make_image, encode) -> Path:
    """Return a folder with each kind of odd and of broken file in it."""
    folder = make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(40)))
    exif = Image.Exif()
    exif[0x0112] = 8
    image = make_image(0, (200, 150))
    odd = {
        "a/cmyk.jpg": encode(image.convert("CMYK"), "JPEG"),
        "a/16bit.png": encode(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG"),
        "a/animated.gif": encode(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        "a/rotated.jpg": encode(image, "JPEG", exif=exif),
        "b/truncated.jpg": encode(image, "JPEG")[:2000],
        "b/text.png": b"this is no image",
        "b/zero.png": b"",
    }
    for name, content in odd.items():
        (folder / name).write_bytes(content)
    (folder / "b/gone.png").symlink_to(folder / "nowhere.png")
    return folder


def test_check_names_every_broken_file_and_no_odd_one(damaged: Path) -> None:
    told: list[tuple[int, int]] = []

    findings = check_readable(read_samples(damaged), progress=lambda *args: told.append(args))

    assert [(finding.path, finding.code) for finding in findings] == [
        ("b/gone.png", "missing"),
        ("b/text.png", "unreadable"),
        ("b/truncated.jpg", "unreadable"),
        ("b/zero.png", "empty"),
    ]
    assert told[-1] == (88, 88)
    assert str(findings[3]) == "b/zero.png: is empty (0 bytes)"


def test_check_of_whole_data_finds_nothing_and_passes(make_files) -> None:
    findings = check_readable(read_samples(make_files("a/1.png", "b/1.png")))

    assert findings == []
    require_readable(findings)


def test_check_of_content_that_has_passed_decodes_what_is_new(damaged: Path) -> None:
    (damaged / "b/gone.png").unlink()
    first = check_readable(read_samples(damaged).hashed())
    (damaged / "a/new.png").write_bytes(b"")
    told: list[tuple[int, int]] = []

    findings = check_readable(read_samples(damaged).hashed(), progress=lambda *args: told.append(args))

    # The broken ones are looked at again; a/new.png, b/text.png, b/truncated.jpg, b/zero.png
    assert told == [(4, 4)] and len(first) == 3
    assert [finding.path for finding in findings] == ["a/new.png", *(finding.path for finding in first)]


def test_check_of_arrays_has_nothing_to_decode() -> None:
    assert check_readable(read_samples("builtin:digits")) == []


def test_require_readable_lists_them_all_with_exit_code_3(damaged: Path) -> None:
    findings = check_readable(read_samples(damaged))

    with pytest.raises(DataError, match="4 images cannot be decoded") as caught:
        require_readable(findings, damaged)

    assert caught.value.exit_code == 3
    assert all(str(finding) in str(caught.value) for finding in findings)
    assert "[project.data] exclude" in caught.value.hint


def test_exclude_file_of_a_failed_check_makes_the_next_one_pass(damaged: Path, tmp_path: Path) -> None:
    write_exclude(check_readable(read_samples(damaged)), tmp_path / "exclude.txt")

    samples = read_samples(damaged, exclude=read_exclude(tmp_path / "exclude.txt"))

    assert len(samples) == 84 and samples.warnings == ()
    assert check_readable(samples) == []


def test_read_exclude_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: cannot be read: No such file"):
        read_exclude(tmp_path / "none.txt")


def test_check_real_photos_are_whole(mirror: Path, tmp_path: Path) -> None:
    from auto_train.data import acquire

    folder = acquire(str(mirror / "flowers_240/flowers_240.tgz"), tmp_path / "data/flowers_240").folder
    photo = next((folder / "train/roses").glob("*.jpg"))
    shutil.copy(photo, folder / "train/roses/half.jpg")
    with (folder / "train/roses/half.jpg").open("r+b") as file:
        file.truncate(photo.stat().st_size // 2)

    assert [finding.path for finding in check_readable(read_samples(folder))] == ["train/roses/half.jpg"]
