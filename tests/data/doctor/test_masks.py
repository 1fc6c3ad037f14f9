from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.doctor import Examination, look_at_all, write_data_report
from auto_train.data.doctor.scan_masks import look_at_masks
from auto_train.data.targets import IGNORE, Masks
from tests.data.doctor.annotated import ArrayMask, examination_of, masks_of, messages, samples_of

LABELS = ("background", "nucleus")
WritePhotos = Callable[..., Path]


def mask(*values: int, size: tuple[int, int] = (96, 96)) -> np.ndarray:
    """Return a mask of (height, width) in which each of these values has some rows."""
    return np.resize(np.array(values, np.uint8), size[0])[:, None].repeat(size[1], axis=1)


@pytest.fixture
def examined(write_photos: WritePhotos) -> Callable[..., Examination]:
    """Return what is found in photographs of 96 pixels with masks; the last one is for validation."""

    def examine(*arrays: np.ndarray | None, names: tuple[str, ...] = LABELS) -> Examination:
        folder = write_photos({f"{row}.png": row for row in range(len(arrays))})
        return examination_of(samples_of(folder, masks_of(arrays, names), names))

    return examine


@pytest.mark.parametrize(
    ("array", "code", "message"),
    [
        (None, "mask_unreadable", "mask.png: is damaged"),
        (mask(0, 1, size=(48, 96)), "mask_size", "mask.png: 96 x 48 pixels, the image has 96 x 96"),
        (mask(0, 1, 7, 9), "mask_value_unknown", "mask.png: value 7, 9 (allowed: 0 to 1, 255 for ignored)"),
        (mask(IGNORE), "mask_ignored", ""),
        (mask(0), "mask_empty", ""),
        (mask(0, IGNORE), "mask_0_255", "mask.png: values 0 and 255 alone"),
    ],
)
def test_odd_mask_has_its_code(
    examined: Callable[..., Examination], array: np.ndarray | None, code: str, message: str, tmp_path: Path
) -> None:
    found = examined(array, mask(0, 1), mask(0, 1, IGNORE))
    assert {one.code for one in found.findings if one.code.startswith("mask_")} == {code}
    assert messages(found, code) == [message]
    page = write_data_report(found, tmp_path / "report").read_text()
    assert page.count('class="pictures drawn"') == 1


def test_mask_with_sides_swapped_says_so(write_photos: WritePhotos, tmp_path: Path) -> None:
    folder = write_photos({"1.png": 1, "2.png": 2})
    Image.new("RGB", (40, 30), "red").save(folder / "0.png")
    upright = Image.new("RGB", (40, 30), "blue")
    upright.getexif()[0x0112] = 6
    upright.save(folder / "3.jpg", exif=upright.getexif())
    arrays = [mask(0, 1, size=(40, 30)), mask(0, 1), mask(0, 1), mask(0, 1, size=(30, 40))]
    found = examination_of(samples_of(folder, masks_of(arrays), LABELS))
    first, second = messages(found, "mask_size")
    assert first == "mask.png: 30 x 40 pixels, the image has 40 x 30: width and height are swapped"
    assert second == "mask.png: 40 x 30 pixels, the image has 30 x 40: turn it as the image's EXIF tag says"


def test_splits_of_one_class_only_are_an_error(examined: Callable[..., Examination]) -> None:
    found = examined(mask(0, 1), mask(0), mask(0, IGNORE))
    assert messages(found, "mask_one_class") == ["the masks of all 1 images in valid: background"]
    assert not examined(mask(0, 1), mask(0), mask(0, 1)).errors


def test_mask_without_background_is_not_empty(examined: Callable[..., Examination]) -> None:
    found = examined(mask(0), mask(0, 1), mask(0, 1), names=("road", "car"))
    assert not messages(found, "mask_empty")


def test_classes_that_are_seen_are_counted(examined: Callable[..., Examination]) -> None:
    found = examined(mask(0), mask(0, 1, IGNORE), mask(0, 1))
    assert found.classes == {"background": {"train": 2, "valid": 1}, "nucleus": {"train": 1, "valid": 1}}


def test_progress_counts_images_and_masks(write_photos: WritePhotos) -> None:
    samples = samples_of(write_photos({"0.png": 0, "1.png": 1}), masks_of([mask(0), mask(1)]), LABELS)
    told: list[tuple[int, int]] = []
    looks = look_at_all(samples, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4) and {total for _, total in told} == {4}
    assert looks.masks and [looks.masks.present(row) for row in (0, 1)] == [[0], [1]]
    assert isinstance(samples.targets, Masks) and looks.masks.add_class_names(samples.targets).classes(1) == ["nucleus"]


def test_copies_with_masks_of_the_same_pixels_do_not_contradict(write_photos: WritePhotos) -> None:
    folder = write_photos({"0.png": 0, "1.png": 0, "2.png": 1})
    same, other = [mask(0, 1), mask(0, 1), mask(0, 1)], [mask(0, 1), mask(1, 0), mask(0, 1)]
    assert not messages(examination_of(samples_of(folder, masks_of(same), LABELS)), "conflicting_labels")
    assert len(messages(examination_of(samples_of(folder, masks_of(other), LABELS)), "conflicting_labels")) == 2


class RewrittenMask(ArrayMask):
    """Another mask under the digest of the one before."""

    def read(self) -> np.ndarray:
        return np.zeros((1, 1), np.uint8)


def test_mask_that_was_seen_before_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path))
    masks = masks_of([mask(0, 1), mask(0, 3, IGNORE), None])
    first = look_at_masks(masks)
    again = look_at_masks(replace(masks, sources=[RewrittenMask(source.array) for source in masks.sources]))
    assert again.sizes[:2].tolist() == [[96, 96]] * 2 and [again.present(row) for row in (0, 1)] == [
        [0, 1],
        [0, 3, 255],
    ]
    assert list(first.problems) == [2] and again.sizes[2].tolist() == [1, 1]  # what could not be read is tried again
