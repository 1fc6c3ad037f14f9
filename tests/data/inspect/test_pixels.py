"""Real digits have a left and a right; real photographs, for the most part, have none."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.inspect.pixels import THUMB, Evidence, look, upright_hits
from auto_train.data.read import read_samples
from auto_train.data.readers.base import file_samples
from auto_train.data.samples import Samples


def evidence_of(samples: Samples) -> Evidence:
    return look(samples, {row: samples.images.size(row) for row in range(len(samples))})


def test_look_at_digits_sees_grey_on_plain_ground_that_must_not_be_mirrored() -> None:
    found = evidence_of(read_samples("builtin:digits"))
    assert (found.images, found.is_grey, found.is_plain, found.is_handed) == (320, True, True, True)


def test_look_at_mnist_sees_the_same(mirror: Path, tmp_path: Path) -> None:
    for file in (mirror / "mnist").glob("t10k*"):
        (tmp_path / file.name).symlink_to(file)
    samples = read_samples(tmp_path)
    found = evidence_of(samples.take(list(range(1000))))
    assert (found.is_grey, found.is_plain, found.is_handed) == (True, True, True)


def test_look_at_flowers_sees_colours_and_no_left_or_right(mirror: Path, tmp_path: Path) -> None:
    with tarfile.open(mirror / "flowers_240" / "flowers_240.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    found = evidence_of(read_samples(tmp_path / "flowers_240"))
    assert (found.is_grey, found.is_plain, found.is_handed) == (False, False, False)


def test_look_at_crops_of_a_photograph_sees_colours(tmp_path: Path) -> None:
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("flower.jpg")
    rows = []
    for i in range(30):
        top, left = 10 * i, 15 * i % 500
        path = tmp_path / f"{i}.png"
        Image.fromarray(photo[top : top + 64, left : left + 64]).save(path)
        rows.append((path, "", str(i % 2), ""))
    found = evidence_of(file_samples(rows, tmp_path))
    assert (found.images, found.is_grey) == (30, False)
    assert found.is_handed is not None


def test_look_at_few_images_tells_no_left_from_right(digit_files: Path) -> None:
    samples = read_samples(digit_files).take([0, 24, 48])
    assert (evidence_of(samples).upright, evidence_of(samples).is_handed) == (None, None)


def test_look_passes_over_what_is_broken_or_huge(digit_files: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    good = next(digit_files.rglob("*.png"))
    samples = file_samples([(tmp_path / "broken.png", "", "a", ""), (good, "", "b", "")], tmp_path)
    assert look(samples, {0: (5, 5), 1: (28, 28)}).images == 1
    assert look(samples, {0: (5, 5), 1: (28_000, 28_000)}) == Evidence(
        images=0, is_grey=False, is_plain=False, upright=None
    )


def test_upright_hits_of_one_picture_many_times_are_all_of_them() -> None:
    arrow = np.zeros((THUMB, THUMB))
    arrow[12, :12] = 255
    assert upright_hits(np.stack([arrow] * 5)) == 5


def test_upright_hits_of_what_is_its_own_mirror_image_are_half() -> None:
    bar = np.zeros((THUMB, THUMB))
    bar[:, 8:16] = 255
    assert upright_hits(np.stack([bar] * 4)) == 2


@pytest.mark.parametrize(("images", "share", "is_handed"), [(25, 0.7, False), (25, 0.8, True), (500, 0.59, False)])
def test_evidence_of_few_images_must_be_stronger(images: int, share: float, is_handed: bool) -> None:
    found = Evidence(images=images, is_grey=True, is_plain=True, upright=share)
    assert found.is_handed is is_handed


def test_look_at_copies_does_not_take_them_for_images_with_a_left_and_a_right(mirror: Path, tmp_path: Path) -> None:
    with tarfile.open(mirror / "flowers_240" / "flowers_240.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    samples = read_samples(tmp_path / "flowers_240" / "valid")
    assert evidence_of(samples.take([row for row in range(len(samples)) for _ in range(2)])).is_handed is False
