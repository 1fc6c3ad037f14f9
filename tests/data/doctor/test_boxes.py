from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from auto_train.data.doctor import Examination, write_data_report
from auto_train.data.doctor.finding import KINDS
from tests.data.doctor.annotated import boxes_of, examination_of, messages, samples_of

GOOD = [10, 10, 50, 60]
WritePhotos = Callable[..., Path]


@pytest.fixture
def examined(write_photos: WritePhotos) -> Callable[..., Examination]:
    """Return what is found in photographs of 96 pixels with boxes; the last one is for validation."""

    def examine(*rows: Sequence[Sequence[float]], **options: bool) -> Examination:
        folder = write_photos({f"{row}.png": row for row in range(len(rows))})
        return examination_of(samples_of(folder, boxes_of(rows, **options)))

    return examine


@pytest.mark.parametrize(
    ("box", "code", "message"),
    [
        ([50, 10, 10, 60], "box_swapped", "cell [50, 10, 10, 60] of 96 x 96 pixels, 0.xml:2"),
        ([10, 60, 50, 10], "box_swapped", "cell [10, 60, 50, 10] of 96 x 96 pixels, 0.xml:2"),
        ([100, 10, 120, 60, 1], "box_far_outside", "nucleus [100, 10, 120, 60] of 96 x 96 pixels, 0.xml:2"),
        ([-20, 10, -1, 60], "box_far_outside", "cell [-20, 10, -1, 60] of 96 x 96 pixels, 0.xml:2"),
        ([10, 10, 10, 60], "box_zero_area", "cell [10, 10, 10, 60] of 96 x 96 pixels, 0.xml:2"),
        ([0, 0, 0, 0], "box_zero_area", "cell [0, 0, 0, 0] of 96 x 96 pixels, 0.xml:2"),
        ([-5, 10, 50, 60], "box_outside", "cell [-5, 10, 50, 60] of 96 x 96 pixels, 0.xml:2"),
        ([50, 60, 80, 300], "box_outside", "cell [50, 60, 80, 300] of 96 x 96 pixels, 0.xml:2"),
        (GOOD, "box_duplicate", "cell [10, 10, 50, 60] of 96 x 96 pixels, 0.xml:2"),
        ([0.25, 0.5, 0.75, 1], "box_share", "cell [0.25, 0.5, 0.75, 1] of 96 x 96 pixels, 0.xml:2"),
        ([10, 10, 12, 60], "box_tiny", "cell [10, 10, 12, 60] of 96 x 96 pixels, 0.xml:2"),
    ],
)
def test_odd_box_has_its_code_and_names_file_and_line(
    examined: Callable[..., Examination], box: list[float], code: str, message: str
) -> None:
    found = examined([GOOD, box], [GOOD])
    about_boxes = {one.code for one in found.findings if one.code.startswith("box_")}
    assert about_boxes == {code} and messages(found, code) == [message]
    finding = next(one for one in found.findings if one.code == code)
    assert finding.leave_out == ((0,) if KINDS[code].severity == "error" else ())


@pytest.mark.parametrize("box", [[0, 0, 96, 96], [-0.6, 0, 96.9, 50], [1, 1, 97, 97], [10, 10, 50, 60, 1]])
def test_box_that_fills_the_image_or_is_rounded_is_fine(examined: Callable[..., Examination], box: list[float]) -> None:
    assert not [one for one in examined([GOOD, box], [GOOD]).findings if one.code.startswith("box_")]


def test_crowd_may_be_small(examined: Callable[..., Examination]) -> None:
    assert not messages(examined([GOOD, [10, 10, 12, 60]], [GOOD], is_crowd=True), "box_tiny")


def test_split_without_a_box_is_an_error_and_images_without_are_none(examined: Callable[..., Examination]) -> None:
    found = examined([GOOD], [GOOD, GOOD], [])
    assert messages(found, "no_boxes") == ["1 images in valid, and not one box"]
    assert len(messages(found, "image_without_boxes")) == 1
    fine = examined([GOOD], [], [GOOD])
    assert not fine.errors and len(messages(fine, "image_without_boxes")) == 1 and fine.seen["boxes"] == 2


def test_two_copies_with_other_boxes_contradict_each_other(write_photos: WritePhotos, tmp_path: Path) -> None:
    folder = write_photos({"0.png": 0, "1.png": 0, "2.png": 1})
    found = examination_of(samples_of(folder, boxes_of([[GOOD], [GOOD, [1, 1, 20, 20]], [GOOD]])))
    first, second = messages(found, "conflicting_labels")
    assert (first, second[:36]) == ("", "same content as 0.png (train, cell 1")
    page = write_data_report(found, tmp_path / "report").read_text()
    assert page.count('class="pictures drawn"') == 1


def test_page_shows_every_image_once_with_its_boxes(examined: Callable[..., Examination], tmp_path: Path) -> None:
    found = examined([GOOD, [50, 10, 10, 60], [60, 10, 20, 60], [-40, -9000, -1, 60]], [GOOD, [9, 9, 9, 20]])
    page = write_data_report(found, tmp_path / "report").read_text()
    assert page.count('class="pictures drawn"') == 3 and page.count("<img") == 3


def test_cleaned_boxes_are_cut_and_those_without_area_are_gone() -> None:
    boxes = boxes_of([[GOOD, [10, 10, 10, 60]], [[0, 0, 0, 0]], [[-5, 10, 500, 60, 1], [100, 0, 120, 5]]])
    cleaned = boxes.clean(np.array([[96, 96]] * 3))
    assert cleaned.counts.tolist() == [1, 0, 1]
    assert cleaned.corners.tolist() == [GOOD, [0, 10, 96, 60]] and cleaned.lines.tolist() == [1, 4]
    assert (len(boxes.corners), boxes.files) == (5, cleaned.files)
