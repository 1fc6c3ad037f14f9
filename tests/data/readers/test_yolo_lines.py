from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes
from auto_train.errors import DataError

POINTS = [(0.1, 0.2), (0.2, 0.2), (0.15, 0.3)]
BOX = (0.15, 0.25, 0.2, 0.3)


def line(box: tuple[float, ...], points: list[tuple[float, ...]], cls: int = 0) -> str:
    return " ".join(map(str, [cls, *box, *(value for point in points for value in point)]))


def read(folder: Path) -> tuple[Samples, Boxes]:
    samples = read_samples(folder, "yolo", target="boxes")
    assert isinstance(samples.targets, Boxes)
    return samples, samples.targets


@pytest.fixture
def label(make_files, write):
    """Return a function that writes these lines for one image each, and data.yaml, and gives the folder."""

    def label(*lines: str, yaml: str = "") -> Path:
        make_files(*(f"images/{i}.png" for i in range(len(lines))))
        for i, text in enumerate(lines):
            write(f"labels/{i}.txt", text)
        return write("data.yaml", "names: [a]", yaml)

    return label


@pytest.mark.parametrize(
    ("shape", "points"), [("[3, 2]", POINTS), ("[3, 3]", [(*point, 2) for point in POINTS]), ("[1, 2]", POINTS[:1])]
)
def test_pose_labels_with_kpt_shape_give_their_boxes(label, shape: str, points: list) -> None:
    samples, boxes = read(label(line(BOX, points), "0 .5 .5 .5 .5", yaml=f"kpt_shape: {shape}"))

    np.testing.assert_allclose(boxes.corners, [[1, 1.6, 5, 6.4], [5, 4, 15, 12]], atol=1e-4)  # images are 20 x 16
    assert any(f"kpt_shape {shape}" in note for note in samples.notes) and not samples.warnings


def test_pose_labels_without_kpt_shape_are_known_by_their_numbers(label) -> None:
    flagged = line(BOX, [(0, 0, 0), *((*point, 1) for point in POINTS[1:])])
    np.testing.assert_allclose(read(label(flagged))[1].corners, [[1, 1.6, 5, 6.4]], atol=1e-4)

    samples, boxes = read(label(*[line(BOX, POINTS)] * 5))
    np.testing.assert_allclose(boxes.corners, [[1, 1.6, 5, 6.4]] * 5, atol=1e-4)
    assert "kpt_shape: [3, 2]" in samples.warnings[0]


def test_lines_that_may_be_poses_or_outlines_are_outlines_with_a_warning(label) -> None:
    samples, boxes = read(label(line(BOX, POINTS)))

    np.testing.assert_allclose(boxes.corners, [[2, 3.2, 4, 4.8]], atol=1e-4)
    assert "kpt_shape: [3, 2]" in samples.warnings[0]


@pytest.mark.parametrize(
    "lines",
    [
        ["0 .1 .1 .3 .1 .3 .3 .1 .3"] * 6,  # turned boxes: four corners
        ["0 .1 .1 .2 .1 .2 .2", "0 .1 .1 .2 .1 .2 .2 .15 .3"] * 3,  # lengths differ
        ["0 .1 .1 .9 .1 .9 .9 .5 .95 .1 .8"] * 6,  # as poses they would leave the image
    ],
)
def test_outlines_stay_outlines(label, lines: list[str]) -> None:
    samples, boxes = read(label(*lines))

    np.testing.assert_allclose(boxes.corners[0, :2], [2, 1.6], atol=1e-4)
    assert not samples.warnings


def test_kpt_shape_that_lines_contradict_is_named(label) -> None:
    with pytest.raises(DataError, match=r"0.txt:1: 10 numbers, kpt_shape \[4, 2\] asks for 12"):
        read(label(line(BOX, POINTS), yaml="kpt_shape: [4, 2]"))
    for text in ("3", "[3]", "[3, 4]", "[0, 2]", "[true, 2]"):
        with pytest.raises(DataError, match=r"data.yaml: kpt_shape is .*allowed: \[number of points, 2\]"):
            read(label(line(BOX, POINTS), yaml=f"kpt_shape: {text}"))


@pytest.mark.parametrize("numbers", ["12 8 6 4", "60 50 30 20", "2 2 12 2 12 8"])
def test_pixels_and_percent_in_place_of_shares_are_refused(label, numbers: str) -> None:
    with pytest.raises(DataError, match=r"0.txt:1: 2 of 3 lines hold numbers up to .*allowed: shares of the image"):
        read(label(f"0 {numbers}", f"0 {numbers}", "0 .5 .5 .1 .1"))


def test_corners_in_place_of_centre_and_size_are_refused(label) -> None:
    lines = ["0 .1 .1 .3 .4", "0 .6 .6 .9 .9", "0 .7 .2 .8 .3", "0 .2 .2 .4 .4"]
    with pytest.raises(DataError, match=r"4 lines seem to hold corners .*allowed: centre x"):
        read(label(*lines))

    large = ["0 .5 .5 .9 .9", "0 .5 .5 1 1", "0 .45 .5 .8 .9", "0 .5 .5 .7 .6"]
    assert read(label(*large))[1].corners.max() <= 20


def test_lines_with_commas_are_yolo_and_refused_by_their_line(label) -> None:
    with pytest.raises(DataError, match=r"0.txt:1: '0,.5,.5,.1,.1' is no class number and four numbers"):
        read_samples(label("0,.5,.5,.1,.1"), target="boxes")


def test_byte_order_marks_in_labels_and_names_do_no_harm(make_files, write) -> None:
    make_files("images/1.png")
    for name in ("classes.txt", "data.yaml"):
        folder = write("labels/1.txt", "\ufeff0 .5 .5 1 1")
        write(name, "\ufeffnames: [a]" if name == "data.yaml" else "\ufeffa")
        assert read(folder)[0].labels == ["a"]
        (folder / name).unlink()
