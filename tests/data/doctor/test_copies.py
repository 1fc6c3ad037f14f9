import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from auto_train.data.doctor import Finding, examine, look_at_all
from auto_train.data.readers.idx import array_samples


@pytest.fixture
def splits(write_photos: Callable[..., Path]) -> Path:
    """Return train, valid and test folders of different photographs."""
    folders = ("train", "valid", "test")
    names = {f"{split}/{'ab'[i % 2]}/{i}.png": 8 * n + i for n, split in enumerate(folders) for i in range(8)}
    return write_photos(names)


def shown(finding: Finding | None) -> list[tuple[str, str]]:
    assert finding
    return [(item.path, item.message) for item in finding.items]


def test_different_photographs_have_no_copies(splits, doctor):
    assert [finding.code for finding in doctor(splits).findings] == []


def test_copy_in_another_split_is_a_warning_and_the_measured_one_stays(splits, find):
    shutil.copy(splits / "test/a/2.png", splits / "train/a/again.png")
    shutil.copy(splits / "valid/b/3.png", splits / "train/b/again.png")
    finding = find(splits, "duplicate_across_splits")
    assert finding.severity == "warning" and finding.count == 4
    assert shown(finding) == [
        ("test/a/2.png", ""),
        ("train/a/again.png", "same content as test/a/2.png (test, a)"),
        ("valid/b/3.png", ""),
        ("train/b/again.png", "same content as valid/b/3.png (valid, b)"),
    ]
    assert [item.group for item in finding.items] == [0, 0, 1, 1]
    assert len(finding.leave_out) == 2
    assert find(splits, "duplicate") is None and find(splits, "conflicting_labels") is None


def test_copy_in_the_same_split_is_an_info(splits, find):
    shutil.copy(splits / "train/a/2.png", splits / "train/a/9.png")
    finding = find(splits, "duplicate")
    assert finding.severity == "info"
    assert shown(finding) == [("train/a/2.png", ""), ("train/a/9.png", "same content as train/a/2.png (train, a)")]
    assert len(finding.leave_out) == 1


def test_same_content_under_two_labels_is_an_error(splits, find):
    shutil.copy(splits / "train/a/2.png", splits / "train/b/2.png")
    finding = find(splits, "conflicting_labels")
    assert finding.severity == "error" and finding.count == 2 and len(finding.leave_out) == 2
    assert {(item.path, item.label) for item in finding.items} == {("train/a/2.png", "a"), ("train/b/2.png", "b")}


def test_conflict_across_splits_is_a_leak_too(splits, doctor):
    shutil.copy(splits / "valid/a/2.png", splits / "train/b/2.png")
    assert {finding.code for finding in doctor(splits).findings} == {"conflicting_labels", "duplicate_across_splits"}


def test_saved_anew_in_another_split_is_a_near_duplicate(splits, find):
    image = Image.open(splits / "valid/a/0.png").convert("RGB")
    image.resize((70, 70)).save(splits / "train/a/small.jpg", quality=80)
    ImageEnhance.Brightness(image).enhance(1.1).save(splits / "train/a/bright.png")
    finding = find(splits, "near_duplicate_across_splits")
    assert finding.severity == "warning" and finding.count == 3
    assert {item.path for item in finding.items} == {"valid/a/0.png", "train/a/small.jpg", "train/a/bright.png"}
    assert finding.items[1].message == "looks like valid/a/0.png (valid, a)"
    assert find(splits, "near_duplicate") is None


def test_near_duplicate_under_another_label_is_a_warning(splits, find):
    Image.open(splits / "train/a/0.png").save(splits / "train/b/again.jpg", quality=90)
    finding = find(splits, "near_conflicting_labels")
    assert finding.severity == "warning" and finding.count == 2 and not finding.leave_out


def test_near_duplicate_in_one_split_is_an_info(splits, find):
    Image.open(splits / "train/a/0.png").save(splits / "train/a/again.jpg", quality=90)
    assert find(splits, "near_duplicate").severity == "info"


def test_small_images_are_not_compared_for_likeness(splits, doctor):
    for number, size in enumerate([(31, 60), (60, 31)]):
        image = Image.open(splits / f"train/a/{2 * number}.png").resize(size)
        image.save(splits / f"train/a/small{number}.png")
        image.save(splits / f"valid/a/small{number}.jpg", quality=95)
    examination = doctor(splits)
    assert "4 images of less than 32 pixels a side" in examination.notes[-1]
    assert not any(item.path.endswith(".jpg") for finding in examination.findings for item in finding.items)


def test_all_images_identical_is_one_error(make_files, find, doctor):
    folder = make_files("a/0.png")
    for name in ("a/1.png", "b/2.png", "b/3.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "a/0.png", folder / name)
    finding = find(folder, "all_identical")
    assert finding.severity == "error" and finding.count == 4
    assert not {"duplicate", "conflicting_labels"} & {finding.code for finding in doctor(folder).findings}


def test_large_group_shows_its_first_and_leaves_room_for_others(splits, find):
    for i in range(200):
        shutil.copy(splits / "train/a/0.png", splits / f"train/a/x{i}.png")
    shutil.copy(splits / "train/b/1.png", splits / "train/b/y.png")
    finding = find(splits, "duplicate")
    assert finding.count == 203 and len(finding.leave_out) == 201
    assert len(finding.items) == 8 and {item.group for item in finding.items} == {0, 1}


def test_images_in_memory_are_compared_too():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    pixels[7], pixels[9] = pixels[3], pixels[2] // 2  # one copied, one darker
    samples = array_samples([("x", "train", pixels[:20], np.zeros(20)), ("y", "valid", pixels[20:], np.ones(20))], None)
    looks = look_at_all(samples)
    findings = examine(samples.with_column("sha256", looks.sums), looks).findings
    paths = {finding.code: [item.path for item in finding.items] for finding in findings}
    assert paths["duplicate"] == ["x#3", "x#7"] and paths["near_duplicate"] == ["x#2", "x#9"]
